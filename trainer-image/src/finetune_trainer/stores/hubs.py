"""One repository of a hub, to write to: made when it is not there, changed by whole commits.

`publishing` calls it. What the hub answers becomes an error of ours at once, with the field in it.
"""

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from finetune_trainer.errors import AccessError
from finetune_trainer.translations import translate_hub_error

TIMEOUT_SECONDS = 30
WRITE_HINT = (
    "put a token that may write there into the Secret of model.credentialsSecretName under the key"
    " token"
)


@contextmanager
def sending_by_lfs() -> Iterator[None]:
    """Send large files by Git LFS, which every hub takes; Xet has one hub alone.

    The client would choose Xet wherever its library is installed, and fail at a company's own hub.
    """
    from huggingface_hub import constants

    before, constants.HF_HUB_DISABLE_XET = constants.HF_HUB_DISABLE_XET, True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_XET = before


class Hub:
    """A model repository, and a token for it. Every method may raise a TrainerError."""

    def __init__(self, name: str, field: str, token: str) -> None:
        """Prepare; nothing is asked yet.

        Args:
            name: org/name.
            field: the field of the spec that names it, for messages.
            token: may write to it.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
        self._name = name
        self._field = field
        self._api = HfApi(token=token)

    def create(self) -> None:
        """Make the repository, private, where there is none; see that it may be written to."""
        with self._translating():
            if not self._api.repo_exists(self._name):
                self._api.create_repo(self._name, private=True, exist_ok=True)
            self._api.auth_check(self._name, write=True)

    def list(self) -> dict[str, int]:
        """Give the size of every file of the newest commit, by name."""
        from huggingface_hub.hf_api import RepoFile

        with self._translating():
            tree = self._api.list_repo_tree(self._name, recursive=True)
            return {entry.path: entry.size for entry in tree if isinstance(entry, RepoFile)}

    def read(self, name: str) -> bytes | None:
        """Give the content of a small file of the newest commit; None where there is none."""
        with self._translating():
            if not self._api.file_exists(self._name, name):
                return None
            return Path(self._api.hf_hub_download(self._name, name)).read_bytes()

    def find_commit(self) -> str | None:
        """Give the newest commit."""
        with self._translating():
            return self._api.model_info(self._name, timeout=TIMEOUT_SECONDS).sha

    def commit(self, folder: Path, title: str, removed: Sequence[str]) -> str:
        """Add a folder and remove some files in one commit, and give the commit."""
        with self._translating(), sending_by_lfs():
            made = self._api.upload_folder(
                repo_id=self._name,
                folder_path=folder,
                commit_message=title,
                delete_patterns=[glob.escape(name) for name in removed],
            )
            return made.oid

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the client raises dozens of types; the table knows them
            found = translate_hub_error(error, f"{self._field} hf://{self._name}")
            if isinstance(found, AccessError):
                found.hint = WRITE_HINT
            raise found from error
