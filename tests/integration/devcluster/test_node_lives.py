"""A node that comes, stops, dies and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.errors import ApiError, StartError
from devcluster.process_node.settings import NodeSettings
from devcluster.running_node import RunningNode

NODE = "short-lived"


@pytest.fixture
def own_node(lonely_bench: Any, tmp_path: Path) -> Iterator[RunningNode]:
    settings = NodeSettings(folder=tmp_path, name=NODE, image_commands={"*/echo:*": ("echo",)})
    with RunningNode(lonely_bench.cluster.kubeconfig, settings) as node:
        yield node


def read_node(bench: Any) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = bench.cluster.request("GET", f"/api/v1/nodes/{NODE}")
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    return answer


@pytest.mark.usefixtures("own_node")
def test_a_node_says_what_it_has_and_that_it_isolates_nothing(lonely_bench: Any) -> None:
    node = read_node(lonely_bench)

    assert node
    assert node["status"]["capacity"]["pods"] == "110"
    assert "nvidia.com/gpu" not in node["status"]["capacity"]
    assert node["metadata"]["annotations"]["finetune.dev/isolation"].startswith("none")
    ready = [c for c in node["status"]["conditions"] if c["type"] == "Ready"]
    assert ready[0]["status"] == "True"


def test_an_image_with_an_entry_point_needs_no_command(
    lonely_bench: Any, own_node: RunningNode
) -> None:
    lonely_bench.run(nodeName=NODE, container={"image": "example/echo:1", "args": ["hello"]})

    assert lonely_bench.wait_for_end("pod")["exitCode"] == 0
    log = own_node.log_path(lonely_bench.namespace, "pod", "main")
    assert log.read_text() == "hello\n"


def test_a_node_that_stops_fails_its_pods_as_disrupted_and_goes(
    lonely_bench: Any, own_node: RunningNode
) -> None:
    lonely_bench.run("sleep", "1000", nodeName=NODE)
    lonely_bench.wait_for_phase("pod", "Running")

    own_node.stop()

    pod = lonely_bench.read("pods", "pod")
    # The garbage collector may be faster than we are: then the pod was reported and removed.
    if pod is not None:
        assert pod["status"]["reason"] == "Terminated"
        assert lonely_bench.read_condition("pod", "DisruptionTarget")["status"] == "True"
    assert read_node(lonely_bench) is None


def test_a_killed_node_takes_its_processes_along_and_fails_the_pods_when_it_is_back(
    lonely_bench: Any,
    own_node: RunningNode,
    wait: Any,
    find_processes: Callable[[str], list[int]],
) -> None:
    lonely_bench.run("bash", "-c", "setsid sleep 1000 & wait", nodeName=NODE)
    lonely_bench.wait_for_phase("pod", "Running")
    uid = lonely_bench.read("pods", "pod")["metadata"]["uid"][:8]
    wait("the pod has a child", lambda: len(find_processes(uid)) >= 3)

    own_node.kill()

    wait("the processes are gone", lambda: not find_processes(uid))
    assert lonely_bench.read("pods", "pod")["status"]["phase"] == "Running"
    own_node.start()
    status = lonely_bench.wait_for_phase("pod", "Failed")["status"]
    assert status["reason"] == "NodeRestarted"


def test_a_node_that_cannot_start_says_why(lonely_bench: Any, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    text = lonely_bench.cluster.kubeconfig.read_text()
    kubeconfig.write_text(text.replace(lonely_bench.cluster.url, "https://127.0.0.1:1"))
    node = RunningNode(kubeconfig, NodeSettings(folder=tmp_path / "node"))

    with pytest.raises(StartError, match="Cannot connect"):
        node.start()
