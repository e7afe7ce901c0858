"""Models of a hub: hf://org/name, pinned to a commit, and only the files that are safe to load.

`sources` calls it. What the hub answers becomes an error of ours at once, with the source in it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetune_api.contract.environment import Variable
from finetune_trainer.models.weights import choose_weight_files
from finetune_trainer.translations import translate_hub_error

TEXT_ENDINGS = (".json", ".txt", ".model", ".jinja")
"""Configuration, vocabulary, chat templates. Python files and pickles are never downloaded."""
TIMEOUT_SECONDS = 30


@contextmanager
def staying_offline() -> Iterator[None]:
    """Let no library ask a hub for what nobody has named, whatever a model's files say.

    All that a job needs is here before it trains; what is published is sent afterwards.
    """
    from huggingface_hub import constants

    before, constants.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE, True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def download_model(
    name: str, revision: str | None, cache: Path, *, with_weights: bool = True
) -> tuple[Path, str]:
    """Download a model or a tokenizer.

    Args:
        name: org/name.
        revision: the commit; None takes the newest.
        cache: where downloads are kept.
        with_weights: False for a tokenizer.

    Returns:
        the folder, and the commit that it holds.

    Raises:
        TrainerError: it is not there, not for us, unsafe, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    disable_progress_bars()
    source = f"hf://{name}"
    token = os.environ.get(Variable.HUB_TOKEN)
    try:
        info = HfApi(token=token).model_info(name, revision=revision, timeout=TIMEOUT_SECONDS)
        commit = info.sha or revision or "main"
        files = [sibling.rfilename for sibling in info.siblings or []]
        weights = choose_weight_files(files, source) if with_weights else []
        wanted = weights + [f for f in files if f.endswith(TEXT_ENDINGS) and "/" not in f]
        folder = snapshot_download(
            name,
            revision=commit,
            token=token,
            cache_dir=cache,
            allow_patterns=wanted,
            etag_timeout=TIMEOUT_SECONDS,
        )
    except Exception as error:  # the client raises dozens of types; the table knows them
        raise translate_hub_error(error, f"model.source {source}") from error
    return Path(folder), commit
