"""Starts and stops long-lived processes that never outlive us.

Every process runs under `leash`, which says how. Used by the control plane, by `running_node`
and, through `build_command`, by the process node for its containers.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from devcluster import leash
from devcluster.errors import StartError

LOG_TAIL_LINES = 20


def build_command(command: Sequence[str]) -> list[str]:
    """Wrap a command so that it ends with its parent and takes its children along.

    `-I -S` keeps the wrapper away from site-packages and from any PYTHON* variable meant for the
    command itself.
    """
    return [sys.executable, "-I", "-S", str(Path(leash.__file__).resolve()), *command]


def read_tail(log: Path, lines: int = LOG_TAIL_LINES) -> str:
    """Give the last lines of a log; empty when there is none yet."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class LeashedProcess:
    """One running command with a log file of its own."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        pass_descriptors: Sequence[int] = (),
    ) -> None:
        """Start the command.

        Args:
            name: what error messages call it.
            command: program and arguments.
            log: where stdout and stderr go; a former log is replaced.
            environment: the whole environment of the command; None inherits ours.
            pass_descriptors: file descriptors that stay open in the command.
        """
        self.name = name
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                build_command(command),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                pass_fds=tuple(pass_descriptors),
                # Ctrl-C in a terminal goes to its whole process group: it must reach us alone,
                # who then stop the parts in the right order.
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """The exit status once it has ended, else None; 128 + N for signal N."""
        return self._process.poll()

    def check_running(self) -> None:
        """Raise StartError with the end of the log if the process is gone."""
        if self.exit_code is not None:
            raise StartError(
                f"{self.name} ended with exit code {self.exit_code}; end of {self.log}:\n"
                f"{read_tail(self.log)}"
            )

    def send_signal(self, number: int) -> None:
        """Send a signal to the command, not to what it started."""
        self._say(str(int(number)))

    def stop(self, grace_seconds: float = 0) -> int:
        """End the process tree and give the exit code.

        Args:
            grace_seconds: how long SIGTERM may take to work before SIGKILL; 0 kills at once.
        """
        if grace_seconds > 0:
            self.send_signal(15)
            try:
                return self.wait(grace_seconds)
            except subprocess.TimeoutExpired:
                pass
        self._say("kill")
        return self.wait()

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Wait for the end of the process tree and give the exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """
        code = self._process.wait(timeout_seconds)
        if self._process.stdin:
            self._process.stdin.close()
        return code

    def _say(self, line: str) -> None:
        assert self._process.stdin
        if self._process.stdin.closed:
            return
        try:
            self._process.stdin.write(f"{line}\n".encode())
        except BrokenPipeError:  # it ended in this very moment, which is what callers want anyway
            return
