"""The whole system for one test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.control_plane import ControlPlane
from devcluster.running_node import RunningNode
from lifecycle_stack import Stack
from trainer_models import make_tiny_bert


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("tiny-bert"))


@pytest.fixture
def stack(
    control_plane: ControlPlane, node: RunningNode, crd: None, namespace: str,
    tiny_bert: Path, tmp_path: Path,
) -> Iterator[Stack]:  # fmt: skip
    stack = Stack(control_plane, namespace, tiny_bert, tmp_path)
    yield stack
    stack.stop()
