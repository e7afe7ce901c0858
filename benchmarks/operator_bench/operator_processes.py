"""The operator as a process of its own, as it runs in a cluster, and what it takes."""

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

READY_SECONDS = 60.0


def pick_free_port() -> int:
    """Give a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running_operator(kubeconfig: Path, log: Path) -> Iterator[int]:
    """Run the operator; give its pid once it is ready.

    Raises:
        RuntimeError: it ended or was not ready in time; the message holds the end of its log.
    """
    health = pick_free_port()
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "FINETUNE_OPERATOR_HEALTH_PORT": str(health),
        "FINETUNE_OPERATOR_METRICS_PORT": "0",
        "FINETUNE_OPERATOR_BIND_ADDRESS": "127.0.0.1",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "finetune_operator"],
            env=environment, stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        _wait_until_ready(process, health, log)
        yield process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1),
        ):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the operator is not ready: {log.read_text()[-2000:]}")


def read_rss_megabytes(pid: int) -> float:
    """Give the resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kibibytes = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return kibibytes * 1024 / 1e6
