"""An operator, a scripted node and a team, per test, on the shared control plane."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.control_plane import ControlPlane
from operator_runs import OperatorProcess, Stage, Team, scripted_node


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
