"""Runs a node as a process of its own, for tests and `devcluster up`.

A test that shares its event loop with a node would stop the node whenever it blocks. The process
is on a leash, so it and its pods end with whoever started it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from devcluster.errors import StartError
from devcluster.leashed_processes import LeashedProcess, read_tail
from devcluster.process_node.settings import NodeSettings

PACKAGES = Path(__file__).resolve().parent.parent
READY = b"ready\n"
STOP_SECONDS = 15.0


class RunningNode:
    """A process node in another process; a context manager that waits until it is schedulable."""

    def __init__(self, kubeconfig: Path, settings: NodeSettings) -> None:
        """Prepare; nothing runs before `start()`."""
        self.settings = settings
        self._kubeconfig = kubeconfig
        self._process: LeashedProcess | None = None

    def __enter__(self) -> Self:
        """Start, and give the node."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    @property
    def name(self) -> str:
        """Name of the Node object."""
        return self.settings.name

    def start(self) -> None:
        """Start the process and return when the scheduler may use the node.

        Raises:
            StartError: it ended before that; holds the end of its log.
        """
        folder = self.settings.folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        settings_file, log = folder / "settings.json", folder / "node.log"
        settings_file.write_text(self.settings.to_json())
        reader, writer = os.pipe()
        command = [
            *(sys.executable, "-m", "devcluster", "node"),
            *("--kubeconfig", str(self._kubeconfig.resolve())),
            *("--settings", str(settings_file)),
            *("--ready-descriptor", str(writer)),
        ]
        with os.fdopen(reader, "rb") as ready:
            self._process = LeashedProcess(
                self.name, command, log, environment=_build_environment(), pass_descriptors=[writer]
            )
            os.close(writer)  # else we would not see the end of file when the node dies
            if ready.readline() != READY:
                self._process.stop()
                raise StartError(f"node {self.name} did not start:\n{read_tail(log)}")

    def stop(self, grace_seconds: float = STOP_SECONDS) -> None:
        """Shut the node down: its pods fail as disrupted and the Node object goes."""
        if self._process:
            self._process.stop(grace_seconds)

    def kill(self) -> None:
        """Kill the node and its pods as a power cut would; nothing is reported."""
        if self._process:
            self._process.stop()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the node, for example SIGSTOP for a node that hangs."""
        if self._process:
            self._process.send_signal(number)

    def log_path(self, namespace: str, pod: str, container: str) -> Path:
        """Give where a container writes its output; the file stays when the pod is gone."""
        logs = self.settings.folder.resolve() / "logs"
        return logs / namespace / pod / f"{container}.log"


def _build_environment() -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(PACKAGES)}
