"""An operator, a scripted node and a team, per test, on the shared control plane."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.control_plane import ControlPlane
from devcluster.errors import ApiError
from finetune_api.crd import build_crd
from operator_runs import OperatorProcess, Stage, Team, scripted_node
from polling import poll


@pytest.fixture(scope="session")
def crd(control_plane: ControlPlane) -> None:
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    definition = build_crd()
    name = definition["metadata"]["name"]
    with contextlib.suppress(ApiError):  # another test made it
        control_plane.request("POST", path, definition)
    poll(lambda: _is_established(control_plane.request("GET", f"{path}/{name}")), "the CRD is up")


def _is_established(definition: dict[str, Any]) -> bool:
    conditions = definition.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def team(control_plane: ControlPlane, crd: None, namespace: str, stage: Stage) -> Iterator[Team]:
    del crd
    with scripted_node(control_plane.kubeconfig, f"node-{namespace}", stage) as node:
        yield Team(control_plane, namespace, node)


@pytest.fixture
def operator(team: Team, tmp_path: Path) -> Iterator[OperatorProcess]:
    log = tmp_path / "operator.log"
    with OperatorProcess(team.cluster.kubeconfig, team.namespace, log) as process:
        yield process
