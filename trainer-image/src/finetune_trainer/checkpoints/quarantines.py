"""Sets aside what is broken: out of the way of the training, but there for whoever asks why.

`store` and `best` use it. What was set aside is the first to go when the volume runs short.
"""

import logging
import shutil
from pathlib import Path

logger = logging.getLogger(__name__)
QUARANTINE_PREFIX = "bad-"


def set_aside(path: Path, problem: str) -> str:
    """Rename a broken folder, log it, and give the sentence for the report."""
    target = path.with_name(f"{QUARANTINE_PREFIX}{path.name}")
    shutil.rmtree(target, ignore_errors=True)
    path.rename(target)
    warning = f"{path.name} is not used: {problem}; it was renamed to {target.name}"
    logger.warning("CheckpointCorrupt: %s", warning)
    return warning


def clear(folder: Path) -> None:
    """Remove all that was set aside in a folder."""
    for path in folder.glob(f"{QUARANTINE_PREFIX}*"):
        shutil.rmtree(path, ignore_errors=True)
