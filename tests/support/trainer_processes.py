"""Trainers that are interrupted: told to stop at a certain point, or run as processes to be killed.

`PreemptAtCheck` stops a run in this process; `TrainerProcess` is the real thing, watched through
its own port; `TrainerFork` starts in milliseconds, for tests that kill a hundred of them.
"""

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finetune_api.contract.environment import Variable
from finetune_trainer.preemption import Preemption
from trainer_jobs import TrainerJob

DEADLINE_SECONDS = 120
CHECKS_BEFORE_TRAINING = 5
"""How often a run asks whether to leave before its first step."""
PRELOADED = ["trainer_processes", "finetune_trainer.training.cross_validation"]


class PreemptAtCheck(Preemption):
    """Is told to stop just before the n-th time that somebody asks."""

    def __init__(self, number: int) -> None:
        """Take the number, from 1."""
        super().__init__()
        self._left = number

    def check(self) -> None:
        """Count down."""
        self._left -= 1
        if self._left <= 0:
            self.request()
        super().check()


class TrainerProcess:
    """The trainer as a process of its own, watched through its own port."""

    def __init__(self, job: TrainerJob, *command: str) -> None:
        """Start it.

        Args:
            job: what it runs.
            command: arguments of Python; by default the module of the trainer.
        """
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self._url = f"http://127.0.0.1:{port}/progress"
        variables = {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            **job.environment(),
            Variable.REPORT_ADDRESS: "127.0.0.1",
            Variable.REPORT_PORT: str(port),
        }
        self.process = subprocess.Popen(
            [sys.executable, *(command or ("-m", "finetune_trainer"))],
            env=variables,
            stderr=subprocess.PIPE,
        )

    def wait_for(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until a report fulfils a condition."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            report = self._read()
            if report is not None and condition(report):
                return report
            time.sleep(0.02)
        _, errors = self.process.communicate()
        raise AssertionError(f"ended or too late: {errors.decode()[-2000:]}")

    def wait(self) -> tuple[int, str]:
        """Wait for the end; give the exit code and the log."""
        _, errors = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, errors.decode()

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end; give the exit code."""
        self.process.send_signal(number)
        return self.wait()[0]

    def _read(self) -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(self._url, timeout=5) as response:
                report: dict[str, Any] = json.load(response)
                return report
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None


class TrainerFork:
    """A trainer in a process that is forked from one in which torch is loaded already."""

    def __init__(self, job: TrainerJob, steps_file: Path) -> None:
        """Start it.

        Args:
            job: what it runs.
            steps_file: grows by one byte with each step that begins; survives a kill.
        """
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(PRELOADED)
        steps_file.write_bytes(b"")
        self._steps_file = steps_file
        self.process = context.Process(
            target=_run, args=(job.environment(), steps_file), daemon=True
        )
        self.process.start()

    def wait_for_a_step(self) -> None:
        """Wait until it trains."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._steps_file.stat().st_size:
            assert self.process.exitcode is None, f"ended with {self.process.exitcode}"
            assert time.monotonic() < deadline, "no step in time"
            time.sleep(0.005)

    def kill_after(self, seconds: float) -> bool:
        """Kill it unless it ends before; tell whether it was killed."""
        self.process.join(seconds)
        if self.process.exitcode is not None:
            return False
        self.process.kill()
        self.process.join(DEADLINE_SECONDS)
        return self.process.exitcode == -signal.SIGKILL

    def wait(self) -> int | None:
        """Wait for the end; give the exit code."""
        self.process.join(DEADLINE_SECONDS)
        return self.process.exitcode


def _run(environment: dict[str, str], steps_file: Path) -> None:
    import transformers

    from finetune_trainer.__main__ import main

    descriptor = os.open(steps_file, os.O_WRONLY | os.O_APPEND)
    train_step: Any = transformers.Trainer.training_step

    def count(*args: Any, **options: Any) -> Any:
        os.write(descriptor, b".")
        return train_step(*args, **options)

    transformers.Trainer.training_step = count  # type: ignore[method-assign]
    os.environ.update({Variable.CPU_LIMIT_MILLICORES: "1000"})
    sys.exit(main(environment))
