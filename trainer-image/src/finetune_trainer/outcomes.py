"""The last word of the process: how an attempt ended, written where the kubelet keeps it.

`__main__` builds the outcome and writes it; nothing else touches the termination log.
"""

import os
from pathlib import Path

from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_api.contract.outcomes import Outcome, encode_outcome
from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1.status import Artifact
from finetune_trainer.errors import TrainerError


def describe_success(artifacts: list[Artifact], report: ProgressReport, message: str) -> Outcome:
    """Give the outcome of a run whose model is exported and sealed."""
    return Outcome(
        exit_code=ExitCode.DONE,
        succeeded=True,
        reason=MEANINGS[ExitCode.DONE].reason,
        message=message,
        artifacts=artifacts,
        report=report,
    )


def describe_failure(error: TrainerError, report: ProgressReport | None) -> Outcome:
    """Give the outcome of a run that ended with an error."""
    return Outcome(
        exit_code=error.code,
        succeeded=False,
        reason=error.reason,
        message=str(error),
        hint=error.hint or MEANINGS[error.code].hint or None,
        artifacts=list(error.artifacts),
        report=report,
    )


def write_outcome(outcome: Outcome, path: Path) -> None:
    """Write the outcome so that a reader sees all of it or nothing.

    In a pod the file exists and is a mount of its own, which cannot be renamed over: there it is
    written in one call. Anywhere else a rename does it.
    """
    content = encode_outcome(outcome)
    if path.exists():
        _overwrite(path, content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)


def _overwrite(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
