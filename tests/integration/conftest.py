"""The cluster that integration tests share: one real control plane, one process node.

Both start once per test run, on first use. Tests keep apart by namespace.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.control_plane import ControlPlane
from devcluster.process_node.settings import NodeSettings
from devcluster.running_node import RunningNode


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with ControlPlane(tmp_path_factory.mktemp("control-plane")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def node(
    control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningNode]:
    settings = NodeSettings(
        folder=tmp_path_factory.mktemp("node"),
        gpus=1,
        image_commands={"finetune-trainer*": ("python", "-m", "finetune_trainer")},
    )
    with RunningNode(control_plane.kubeconfig, settings) as running:
        yield running


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    control_plane.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    control_plane.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def crd(control_plane: ControlPlane) -> None:
    control_plane.install_definition(
        Path(__file__).resolve().parents[2] / "crds" / "finetunejobs.yaml"
    )
