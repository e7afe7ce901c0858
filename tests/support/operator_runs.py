"""A real operator, as a process, on a real control plane, with a node that plays by script."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Self

from devcluster.control_plane import ControlPlane
from devcluster.errors import ApiError
from devcluster.scenarios import Step, run
from devcluster.scripted_node import ScriptedNode
from operator_builders import a_manifest
from polling import poll

Raw = dict[str, Any]
JOB_LABEL = "batch.kubernetes.io/job-name"
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
SCRIPT_PAUSE_SECONDS = 0.05
BATCH = "/apis/batch/v1"
GROUP = "/apis/finetune.dev/v1alpha1"


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class OperatorProcess:
    """The operator as its users start it; a context manager that leaves no process behind."""

    def __init__(self, kubeconfig: Path, namespace: str, log: Path, **settings: object) -> None:
        self.health_port, self.metrics_port = find_free_port(), find_free_port()
        given: dict[str, object] = {
            "namespaces": namespace,
            "health_port": self.health_port,
            "metrics_port": self.metrics_port,
            "bind_address": "127.0.0.1",
            "progress_seconds": 0.2,
            "log_level": "DEBUG",
            **settings,
        }
        flags = {f"FINETUNE_OPERATOR_{n.upper()}": str(v) for n, v in given.items()}
        self._environment = {**os.environ, **flags, "KUBECONFIG": str(kubeconfig)}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, *, wait: bool = True) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "finetune_operator"],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        if not wait:
            return
        try:
            poll(self.is_ready, f"the operator is ready; its log is {self._log}")
        except AssertionError:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """End it as a kubelet would; give its exit code."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait(timeout=20)

    def is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()[-2000:]
        return self.ask("/readyz", self.health_port) == "ok"

    def ask(self, path: str, port: int) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                text: str = answer.read().decode()
                return text
        except (urllib.error.URLError, ConnectionError):
            return ""

    def scrape(self) -> str:
        return self.ask("/metrics", self.metrics_port)


class Stage:
    """Says what the pods of each batch Job do; more can be said while they run."""

    def __init__(self) -> None:
        self._steps: dict[str, list[Step]] = {}

    def play(self, job_name: str, *steps: Step, index: int = 0) -> None:
        """Let the pod of a Job with an index go through steps, after what was said before."""
        self._steps.setdefault(f"{job_name}-{index}", []).extend(steps)

    async def scenario(self, pod: Raw) -> AsyncIterator[Step]:
        labels = pod["metadata"]["labels"]
        name = f"{labels[JOB_LABEL]}-{labels[INDEX_LABEL]}"
        shown = 0
        while True:
            steps = self._steps.get(name) or [run()]
            for step in steps[shown:]:
                yield step
            shown = len(steps)
            await asyncio.sleep(SCRIPT_PAUSE_SECONDS)


@contextlib.contextmanager
def scripted_node(kubeconfig: Path, name: str, stage: Stage) -> Iterator[str]:
    """Run a node in a thread with a loop of its own: the test may block, the node goes on."""
    up, down = threading.Event(), threading.Event()

    async def live() -> None:
        capacity = {"nvidia.com/gpu": "8"}
        async with ScriptedNode(kubeconfig, stage.scenario, name=name, capacity=capacity):
            up.set()
            await asyncio.to_thread(down.wait)

    thread = threading.Thread(target=lambda: asyncio.run(live()), daemon=True)
    thread.start()
    assert up.wait(60), "the scripted node did not come up"
    try:
        yield name
    finally:
        down.set()
        thread.join(30)


@contextlib.contextmanager
def answering(body: bytes) -> Iterator[int]:
    """Answer every GET on every address of this machine, as a training pod; give the port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


class Team:
    """A namespace and those who work in it: what a test says reads as what a user does."""

    def __init__(self, cluster: ControlPlane, namespace: str, node: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.node = node
        self._make_claim("models")

    def apply(self, name: str = "reviews", **spec: Any) -> None:
        spec.setdefault("output", {"destination": f"pvc://models/{name}"})
        spec["scheduling"] = {"nodeSelector": {"kubernetes.io/hostname": self.node}}
        body = a_manifest(name, self.namespace, **spec)
        self.cluster.request("POST", self._path(GROUP, "finetunejobs"), body)

    def edit(self, name: str, **spec: Any) -> None:
        self.cluster.request("PATCH", self._path(GROUP, "finetunejobs", name), {"spec": spec})

    def delete(self, name: str) -> None:
        self.cluster.request("DELETE", self._path(GROUP, "finetunejobs", name))

    def read(self, name: str = "reviews") -> Raw:
        return self.cluster.request("GET", self._path(GROUP, "finetunejobs", name))

    def status(self, name: str = "reviews") -> Raw:
        status: Raw = self.read(name).get("status") or {}
        return status

    def exists(self, name: str) -> bool:
        try:
            self.read(name)
        except ApiError:
            return False
        return True

    def condition(self, kind: str, name: str = "reviews") -> tuple[str, str] | None:
        found = (c for c in self.status(name).get("conditions", ()) if c["type"] == kind)
        return next(((c["status"], c["reason"]) for c in found), None)

    def wait_for(self, state: str, name: str = "reviews") -> Raw:
        def look() -> Raw | None:
            status = self.status(name)
            assert status.get("state") == state, f"it is {status.get('state')}: {status}"
            return status

        return poll(look, f"{name} is {state}", 40)

    def list_jobs(self) -> list[Raw]:
        items: list[Raw] = self.cluster.request("GET", self._path(BATCH, "jobs"))["items"]
        return items

    def list_events(self) -> list[str]:
        selector = "?fieldSelector=involvedObject.kind=FineTuneJob"
        path = f"/api/v1/namespaces/{self.namespace}/events{selector}"
        items = self.cluster.request("GET", path)["items"]
        return sorted(item["reason"] for item in items)

    def _path(self, group: str, plural: str, name: str = "") -> str:
        path = f"{group}/namespaces/{self.namespace}/{plural}"
        return f"{path}/{name}" if name else path

    def _make_claim(self, name: str) -> None:
        """Make a claim with a volume of its own: there is no provisioner here."""
        volume = f"{self.namespace}-{name}"
        shared: Raw = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
        reference = {"namespace": self.namespace, "name": name}
        spec = {"capacity": {"storage": "1Gi"}, "hostPath": {"path": "/nowhere"}}
        self.cluster.request(
            "POST",
            "/api/v1/persistentvolumes",
            {"metadata": {"name": volume}, "spec": shared | spec | {"claimRef": reference}},
        )
        wanted = shared | {"volumeName": volume, "resources": {"requests": {"storage": "1Gi"}}}
        claims = f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims"
        self.cluster.request("POST", claims, {"metadata": {"name": name}, "spec": wanted})
        path = f"{claims}/{name}"
        poll(
            lambda: self.cluster.request("GET", path)["status"].get("phase") == "Bound",
            f"{path} is Bound",
        )
