"""Whose checkpoint it is: a folder is opened only when its manifest says that it is ours.

Resuming reads torch files. They come from this job or they are not opened: the uid, the hash of the
configuration and the fingerprint of the data must all agree.
"""

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

LIBRARIES = ("torch", "transformers", "accelerate", "tokenizers", "finetune-trainer")


@dataclass(frozen=True, slots=True)
class Identity:
    """What must agree between a checkpoint and the attempt that opens it.

    Attributes:
        job_uid: of the FineTuneJob.
        config_hash: of the resolved spec.
        data_fingerprint: of all rows.
    """

    job_uid: str
    config_hash: str
    data_fingerprint: str

    def find_difference(self, about: dict[str, Any]) -> str | None:
        """Say in what a manifest differs from this attempt; None if in nothing."""
        for name, value in asdict(self).items():
            if about.get(name) != value:
                return f"{name} is {about.get(name)!r}, not {value!r}"
        return None


def list_versions() -> dict[str, str]:
    """Name the versions that a manifest records."""
    return {name: version(name) for name in LIBRARIES}
