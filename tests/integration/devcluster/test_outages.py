"""What a node does while the API server is away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from devcluster import components
from devcluster.control_plane import ControlPlane
from devcluster.process_node.settings import NodeSettings
from devcluster.running_node import RunningNode


def build_pod(script: str) -> dict[str, Any]:
    container = {"name": "main", "image": "any", "command": ["sh", "-c", script]}
    return {
        "metadata": {"name": "pod"},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }


def test_a_pod_that_ends_during_an_outage_is_reported_afterwards(tmp_path: Path, wait: Any) -> None:
    pods = "/api/v1/namespaces/default/pods"
    script = f"touch {tmp_path}/runs; until test -e {tmp_path}/go; do sleep 0.05; done"
    with (
        ControlPlane(tmp_path / "control-plane") as cluster,
        RunningNode(cluster.kubeconfig, NodeSettings(folder=tmp_path / "node")),
    ):
        cluster.request("POST", pods, build_pod(f"{script}; touch {tmp_path}/over"))
        wait("the pod runs", (tmp_path / "runs").exists)

        cluster.stop_component(components.API_SERVER)
        (tmp_path / "go").touch()
        wait("the pod is over", (tmp_path / "over").exists)
        cluster.start_component(components.API_SERVER)

        def has_succeeded() -> bool:
            status = cluster.request("GET", f"{pods}/pod")["status"]
            return bool(status["phase"] == "Succeeded")

        wait("the end is reported", has_succeeded)


def test_a_pod_created_right_after_an_outage_runs(tmp_path: Path, wait: Any) -> None:
    pods = "/api/v1/namespaces/default/pods"
    with (
        ControlPlane(tmp_path / "control-plane") as cluster,
        RunningNode(cluster.kubeconfig, NodeSettings(folder=tmp_path / "node")),
    ):
        cluster.stop_component(components.API_SERVER)
        cluster.start_component(components.API_SERVER)

        cluster.request("POST", pods, build_pod("true"))

        wait(
            "the pod has succeeded",
            lambda: cluster.request("GET", f"{pods}/pod")["status"]["phase"] == "Succeeded",
        )
