"""Sets aside what is broken: out of the way of the training, but there for whoever asks why.

`store` and `best` use it. What was set aside is the first to go when the volume runs short.
"""

import logging
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from finetune_api.contract.progress import CHECKPOINT_CORRUPT
from finetune_trainer.errors import ConfigError

logger = logging.getLogger(__name__)
QUARANTINE_PREFIX = "bad-"


def set_aside(path: Path, problem: str) -> str:
    """Rename a broken folder, log it, and give the sentence for the report."""
    target = path.with_name(f"{QUARANTINE_PREFIX}{path.name}")
    shutil.rmtree(target, ignore_errors=True)
    path.rename(target)
    warning = (
        f"{CHECKPOINT_CORRUPT}: {path.name} is not used: {problem}; it was renamed to {target.name}"
    )
    logger.warning("%s", warning)
    return warning


@contextmanager
def refusing_foreign_files(checkpoint: str | None) -> Iterator[None]:
    """Refuse state that agrees with its manifest, but holds more than a trainer writes.

    Whoever may write to the volume can write the manifest, too. torch opens such files without
    running what is in them; to try again would change nothing.

    Raises:
        ConfigError: a file of the checkpoint is such a one.
    """
    try:
        yield
    except (pickle.UnpicklingError, EOFError) as error:
        name = Path(checkpoint or "").name
        raise ConfigError(
            f"{name} holds state that this trainer has not written: it would run code, or is no"
            " state at all",
            hint=f"find out who writes to the volume of the checkpoints, and delete {name} there;"
            " training goes on from the one before it",
        ) from error


def clear(folder: Path) -> None:
    """Remove all that was set aside in a folder."""
    for path in folder.glob(f"{QUARANTINE_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)
