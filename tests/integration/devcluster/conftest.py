"""A bench to run pods on: makes them, waits for what they become, with deadlines and no sleeps."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devcluster.control_plane import ControlPlane
from devcluster.errors import ApiError
from devcluster.running_node import RunningNode

DEADLINE_SECONDS = 30.0
POLL_SECONDS = 0.02

Object = dict[str, Any]


def wait_for(what: str, probe: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> Any:
    """Give the first true answer of the probe."""
    deadline = time.monotonic() + seconds
    while not (answer := probe()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(POLL_SECONDS)
    return answer


@dataclass(frozen=True)
class Bench:
    """One namespace of the shared cluster."""

    cluster: ControlPlane
    namespace: str

    def path(self, collection: str, name: str = "") -> str:
        group = "/apis/batch/v1" if collection == "jobs" else "/api/v1"
        return f"{group}/namespaces/{self.namespace}/{collection}/{name}".rstrip("/")

    def create(self, collection: str, item: Object) -> Object:
        return self.cluster.request("POST", self.path(collection), item)

    def read(self, collection: str, name: str) -> Object | None:
        try:
            return self.cluster.request("GET", self.path(collection, name))
        except ApiError as error:
            if error.status != 404:
                raise
            return None

    def delete(self, collection: str, name: str, **options: Any) -> None:
        self.cluster.request("DELETE", self.path(collection, name), options)

    def patch(self, collection: str, name: str, change: Object) -> None:
        self.cluster.request("PATCH", self.path(collection, name), change)

    def run(self, *command: str, name: str = "pod", **spec: Any) -> str:
        """Create a pod with one container `main`; keywords go to its spec, `container` into it."""
        container = {"name": "main", "image": "any", **spec.pop("container", {})}
        if command:
            container["command"] = list(command)
        defaults: Object = {"restartPolicy": "Never", "automountServiceAccountToken": False}
        body = {**defaults, "containers": [container], **spec}
        self.create("pods", {"metadata": {"name": name}, "spec": body})
        return name

    def wait_until_gone(self, name: str) -> None:
        wait_for(f"pod {name} is gone", lambda: self.read("pods", name) is None)

    def wait_for_phase(self, name: str, *phases: str) -> Object:
        def probe() -> Object | None:
            pod = self.read("pods", name)
            return pod if pod and pod["status"]["phase"] in phases else None

        return wait_for(f"pod {name} is {phases}", probe)  # type: ignore[no-any-return]

    def wait_for_end(self, name: str) -> Object:
        """Wait for either end; give the `terminated` state of `main`, with the pod's phase."""
        pod = self.wait_for_phase(name, "Succeeded", "Failed")
        state: Object = pod["status"]["containerStatuses"][0]["state"]
        return {"phase": pod["status"]["phase"], **state.get("terminated", {})}

    def wait_for_waiting(self, name: str, reason: str) -> Object:
        def probe() -> Object | None:
            statuses = (self.read("pods", name) or {})["status"].get("containerStatuses") or [{}]
            waiting: Object = statuses[0].get("state", {}).get("waiting", {})
            return waiting if waiting.get("reason") == reason else None

        return wait_for(f"pod {name} waits with {reason}", probe)  # type: ignore[no-any-return]

    def read_condition(self, name: str, kind: str) -> Object:
        pod = self.read("pods", name)
        assert pod, f"pod {name} is gone"
        found = [entry for entry in pod["status"].get("conditions", ()) if entry["type"] == kind]
        return found[0] if found else {}


@pytest.fixture
def bench(control_plane: ControlPlane, node: RunningNode, namespace: str) -> Bench:
    return Bench(control_plane, namespace)


@pytest.fixture
def lonely_bench(control_plane: ControlPlane, namespace: str) -> Bench:
    """A bench for tests that bring a node of their own."""
    return Bench(control_plane, namespace)


@pytest.fixture
def find_processes() -> Callable[[str], list[int]]:
    """Find processes whose command line or environment mentions a text."""

    def find(text: str) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:
                continue
            if text.encode() in told:
                found.append(int(entry.name))
        return found

    return find


@pytest.fixture
def wait() -> Callable[[str, Callable[[], Any]], Any]:
    return wait_for
