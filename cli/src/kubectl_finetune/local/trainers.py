"""The trainer as a process of its own group: started, told to stop, waited for.

Its own group, so that the terminal's Ctrl-C reaches us alone and we decide what the trainer hears:
one SIGTERM, as a kubelet would send it, and SIGKILL only when the user insists.
"""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from kubectl_finetune.errors import NotFoundError
from kubectl_finetune.local.layouts import Layout

TRAINER_MODULE = "finetune_trainer"
LEAVING_SECONDS = 60.0
"""What a trainer may take to save when we end before it, for example because nobody reads us."""
TRAINER_COMMAND: tuple[str, ...] = (sys.executable, "-m", TRAINER_MODULE)


class Trainer(Protocol):
    """A trainer that runs."""

    def wait(self, timeout_seconds: float) -> int | None:
        """Give the exit code, or None when it still runs after so long."""

    def terminate(self) -> None:
        """Tell it to save a checkpoint and to end."""

    def kill(self) -> None:
        """End it and everything it started, at once."""


class TrainerProcess:
    """A trainer that runs as a child of this process.

    No training goes on unseen: when this is left early, whatever happened, the trainer is told to
    save and to end, and the whole group is ended when it does not.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def __enter__(self) -> "TrainerProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.terminate()
            if self.wait(LEAVING_SECONDS) is None:
                self.kill()
                self._process.wait()

    def wait(self, timeout_seconds: float) -> int | None:
        """Give the exit code, negative for a signal; None when it still runs after so long."""
        try:
            return self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Tell the trainer, and not what it started, to save a checkpoint and to end."""
        self._process.terminate()

    def kill(self) -> None:
        """End the whole process group at once."""
        os.killpg(self._process.pid, signal.SIGKILL)


def require_trainer() -> None:
    """Check that the trainer is installed, without importing it.

    Raises:
        NotFoundError: it is not.
    """
    if importlib.util.find_spec(TRAINER_MODULE) is None:
        raise NotFoundError(
            "the trainer is not installed beside kubectl-finetune",
            hint="pip install finetune-trainer",
        )


def start_trainer(
    command: Sequence[str], *, environment: Mapping[str, str], layout: Layout, lock: IO[str]
) -> TrainerProcess:
    """Start the trainer; what it writes goes to trainer.log.

    It starts in the scratch folder: in the user's own, a file named like a module would be
    imported in its place.
    """
    with layout.trainer_log.open("ab") as log:
        process = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=layout.scratch,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            pass_fds=(lock.fileno(),),
        )
    return TrainerProcess(process)


def read_log_tail(log: Path, *, offset: int, lines: int) -> tuple[str, ...]:
    """Give the last lines that this attempt wrote."""
    with log.open("rb") as file:
        file.seek(offset)
        text = file.read().decode(errors="replace")
    return tuple(text.rstrip().splitlines()[-lines:])
