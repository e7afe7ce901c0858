"""What the demo runs on: a control plane, a process node, the CRD and the operator, as processes.

The same parts that the integration tests use. Everything lies in one folder and ends with us.
"""

import contextlib
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.findings import DemoError
from devcluster.control_plane import ControlPlane
from devcluster.leashed_processes import LeashedProcess, read_tail
from devcluster.process_node.settings import NodeSettings
from devcluster.running_node import RunningNode

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 60.0
_PASSED_ON = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")


@dataclass(frozen=True, slots=True)
class DemoCluster:
    """A running cluster with the operator in it."""

    control_plane: ControlPlane
    metrics_url: str


@contextlib.contextmanager
def running_cluster(folder: Path) -> Iterator[DemoCluster]:
    """Start everything, and stop it again whatever happens."""
    with ControlPlane(folder / "control-plane") as control_plane:
        node = NodeSettings(
            folder=folder / "node",
            path=(Path(sys.executable).parent,),
            pass_environment=_PASSED_ON,
            image_commands={"*": ("python", "-m", "finetune_trainer")},
        )
        with RunningNode(control_plane.kubeconfig, node):
            control_plane.install_definition(ROOT / "crds" / "finetunejobs.yaml")
            with running_operator(control_plane, folder / "operator.log") as metrics_url:
                yield DemoCluster(control_plane, metrics_url)


@contextlib.contextmanager
def running_operator(control_plane: ControlPlane, log: Path) -> Iterator[str]:
    """Run the operator; give the address of its metrics once it is ready."""
    health, metrics = (_pick_free_port() for _ in range(2))
    environment = {
        **os.environ,
        "KUBECONFIG": str(control_plane.kubeconfig),
        "FINETUNE_OPERATOR_BIND_ADDRESS": "127.0.0.1",
        "FINETUNE_OPERATOR_HEALTH_PORT": str(health),
        "FINETUNE_OPERATOR_METRICS_PORT": str(metrics),
        "FINETUNE_OPERATOR_PROGRESS_SECONDS": "2",
        "FINETUNE_OPERATOR_DEFAULT_CLAIM_SIZE": "2Gi",
    }
    command = [sys.executable, "-m", "finetune_operator"]
    operator = LeashedProcess("operator", command, log, environment=environment)
    try:
        _wait_until_ready(operator, f"http://127.0.0.1:{health}/readyz")
        yield f"http://127.0.0.1:{metrics}/metrics"
    finally:
        operator.stop(grace_seconds=10)


def _wait_until_ready(operator: LeashedProcess, url: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        operator.check_running()
        with (
            contextlib.suppress(urllib.error.URLError, OSError),
            urllib.request.urlopen(url, timeout=1),
        ):
            return
        time.sleep(0.05)
    raise DemoError(f"the operator is not ready: {read_tail(operator.log)}")


def _pick_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
