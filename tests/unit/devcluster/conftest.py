"""Builders for the pure parts of the process node: a pod, its facts, a cluster in a dictionary."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from devcluster.process_node.downward import PodFacts

Object = dict[str, Any]


@dataclass
class FakeReferences:
    """A cluster in a dictionary, by kind and name."""

    objects: dict[tuple[str, str], Object] = field(default_factory=dict)

    def add_config_map(self, name: str, **data: str) -> None:
        self.objects["configmap", name] = {"data": data, "metadata": {"resourceVersion": "7"}}

    def add_secret(self, name: str, **data: str) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        self.objects["secret", name] = {"data": encoded, "metadata": {"resourceVersion": "7"}}

    def add_claim(self, name: str, phase: str, folder: str) -> None:
        self.objects["persistentvolumeclaim", name] = {
            "metadata": {"resourceVersion": "7"},
            "spec": {"volumeName": f"pv-{name}"},
            "status": {"phase": phase},
        }
        self.objects["volume", f"pv-{name}"] = {"spec": {"hostPath": {"path": folder}}}

    async def find(self, kind: str, namespace: str, name: str) -> tuple[Object | None, str]:
        return self.objects.get((kind, name)), "7"

    async def read_volume(self, name: str) -> Object:
        return self.objects["volume", name]


@pytest.fixture
def references() -> FakeReferences:
    return FakeReferences()


@pytest.fixture
def build_facts() -> Callable[..., PodFacts]:
    def build(**spec: Any) -> PodFacts:
        metadata = {
            "name": "reviews-1-0",
            "namespace": "team",
            "uid": "u-1",
            "labels": {"app": "trainer", "tier": "gpu"},
        }
        body = {"serviceAccountName": "runner", "containers": [], **spec}
        pod = {"metadata": metadata, "spec": body}
        return PodFacts(pod, "node-a", "127.9.0.1", {"cpu": "8", "memory": "32Gi"})

    return build
