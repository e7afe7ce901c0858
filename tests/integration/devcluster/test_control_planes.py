"""Control planes start, stop and fail without leaving anything behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster import components, control_plane
from devcluster.components import Ports
from devcluster.control_plane import ControlPlane
from devcluster.errors import CommandError, StartError

HACK = Path(control_plane.__file__).parent.parent
NAMESPACE = {"metadata": {"name": "mine"}}

FindProcesses = Callable[[str], list[int]]


def test_two_control_planes_run_side_by_side_and_leave_no_process(
    tmp_path: Path, find_processes: FindProcesses
) -> None:
    folders = tmp_path / "one", tmp_path / "two"
    with (
        ControlPlane(folders[0], controllers=False) as first,
        ControlPlane(folders[1], controllers=False) as second,
    ):
        first.request("POST", "/api/v1/namespaces", NAMESPACE)
        names = [item["metadata"]["name"] for item in read_namespaces(second)]
        assert "mine" not in names
        assert all(find_processes(str(folder)) for folder in folders)

    assert find_processes(str(tmp_path)) == []


def test_a_restart_keeps_the_data_and_the_address(tmp_path: Path) -> None:
    with ControlPlane(tmp_path, controllers=False) as cluster:
        cluster.request("POST", "/api/v1/namespaces", NAMESPACE)
        url = cluster.url

        cluster.stop()
        cluster.start()

        assert cluster.url == url
        assert "mine" in [item["metadata"]["name"] for item in read_namespaces(cluster)]


def test_a_killed_parent_leaves_no_process(
    tmp_path: Path, wait: Any, find_processes: FindProcesses
) -> None:
    command = [sys.executable, "-m", "devcluster", "up", "--folder", str(tmp_path / "data")]
    parent = subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": str(HACK)}, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    with parent.stdout as output:
        assert output.readline().startswith("export KUBECONFIG=")
        assert len(find_processes(str(tmp_path / "data"))) >= 5

        parent.send_signal(signal.SIGKILL)
        parent.wait()

    wait("all processes are gone", lambda: not find_processes(str(tmp_path / "data")))


def test_a_component_that_crashes_is_reported_with_its_log(tmp_path: Path) -> None:
    flags = {components.API_SERVER: ["--no-such-flag"]}

    with pytest.raises(StartError, match="unknown flag: --no-such-flag"):
        ControlPlane(tmp_path, controllers=False, extra_flags=flags).start()


def test_a_port_that_was_taken_in_the_meantime_is_replaced(
    tmp_path: Path,
) -> None:
    free = control_plane.pick_free_ports()
    with socket.create_server((components.LOOPBACK, 0)) as thief:
        stolen = thief.getsockname()[1]
        picks = iter([Ports(free.etcd, free.etcd_peer, stolen), control_plane.pick_free_ports()])

        with ControlPlane(tmp_path, controllers=False, pick_ports=lambda: next(picks)) as cluster:
            assert cluster.request("GET", "/version")["gitVersion"] == "v1.34.4"


def test_a_kubeconfig_for_anybody_is_bound_by_rbac(control_plane: ControlPlane) -> None:
    kubeconfig = control_plane.create_kubeconfig("jane", ["developers"])

    with pytest.raises(CommandError, match='User "jane" cannot list resource "secrets"'):
        control_plane.kubectl("--kubeconfig", str(kubeconfig), "get", "secrets")


def test_requests_are_audited_when_asked_for(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    with ControlPlane(tmp_path / "data", controllers=False, audit_log=log) as cluster:
        cluster.request("POST", "/api/v1/namespaces", NAMESPACE)

        entries = [json.loads(line) for line in log.read_text().splitlines()]

    ours = [entry for entry in entries if entry["user"]["username"] == "admin"]
    assert {"create"} <= {entry["verb"] for entry in ours}


def read_namespaces(cluster: ControlPlane) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = cluster.request("GET", "/api/v1/namespaces")["items"]
    return items
