"""The whole system for one test: an operator as a process, real pods, a tiny model, one namespace.

Nothing is faked but the size: the API server, the scheduler and the Job controller are real, the
process node runs the real trainer.
"""

import json
import os
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from chart_operators import pick_free_ports
from devcluster.control_plane import ControlPlane
from devcluster.errors import ApiError
from devcluster.leashed_processes import LeashedProcess
from finetune_api.v1alpha1 import FineTuneJobStatus
from manifests import build_manifest
from polling import poll
from trainer_jobs import make_reviews, write_csv

Object = dict[str, Any]
_FINETUNE_JOBS = "/apis/finetune.dev/v1alpha1/namespaces/{}/finetunejobs"
_JOBS = "/apis/batch/v1/namespaces/{}/jobs"
_SLOW = 240.0
"""Seconds: a training pod on a small, busy machine."""


class Stack:
    """One namespace with data in it, and an operator that watches nothing else."""

    def __init__(self, cluster: ControlPlane, namespace: str, model: Path, folder: Path) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.folder = folder
        self._operator: LeashedProcess | None = None
        data = folder / "data"
        write_csv(data / "train.csv", make_reviews(240))
        write_csv(data / "test.csv", make_reviews(60, seed=1, offset=1000))
        (data / "base").symlink_to(model, target_is_directory=True)
        self._provide_claim("data", data)

    def start_operator(self) -> None:
        health, metrics = pick_free_ports(2)
        settings = {
            "NAMESPACES": self.namespace,
            "HEALTH_PORT": str(health),
            "METRICS_PORT": str(metrics),
            "BIND_ADDRESS": "127.0.0.1",
            "PROGRESS_SECONDS": "0.5",
        }
        environment = {
            **os.environ,
            **{f"FINETUNE_OPERATOR_{name}": value for name, value in settings.items()},
            "KUBECONFIG": str(self.cluster.kubeconfig),
        }
        command = [sys.executable, "-m", "finetune_operator"]
        self._operator = LeashedProcess(
            "operator", command, self.folder / "operator.log", environment=environment
        )
        poll(lambda: self._is_ready(health), "the operator is ready")

    def kill_operator(self) -> None:
        assert self._operator is not None
        self._operator.stop(grace_seconds=0)

    def stop(self) -> None:
        if self._operator is not None:
            self._operator.stop(grace_seconds=0)

    def create(self, name: str = "reviews", **spec: Any) -> None:
        """Create a job that trains for some seconds, with changes to its spec."""
        manifest = build_manifest({"metadata.name": name, "metadata.namespace": self.namespace})
        manifest["spec"] = {**build_spec(), **spec}
        self.cluster.request("POST", _FINETUNE_JOBS.format(self.namespace), manifest)

    def read(self, name: str = "reviews") -> Object:
        return self.cluster.request("GET", f"{_FINETUNE_JOBS.format(self.namespace)}/{name}")

    def read_status(self, name: str = "reviews") -> FineTuneJobStatus:
        return FineTuneJobStatus.model_validate(self.read(name).get("status", {}))

    def list_jobs(self) -> list[Object]:
        items: list[Object] = self.cluster.request("GET", _JOBS.format(self.namespace))["items"]
        return items

    def find_job(self, name: str) -> Object | None:
        try:
            return self.cluster.request("GET", f"{_JOBS.format(self.namespace)}/{name}")
        except ApiError:
            return None

    def patch(self, name: str, spec: Object) -> None:
        patch = json.dumps({"spec": spec})
        self.cluster.kubectl(
            "patch", "finetunejobs", name, "-n", self.namespace, "--type=merge", "-p", patch
        )

    def wait_for_step(self, step: int, name: str = "reviews") -> None:
        def has_come_so_far() -> bool:
            progress = self.read_status(name).progress
            return progress is not None and (progress.step or 0) >= step

        poll(has_come_so_far, f"{name} reaches step {step}", _SLOW)

    def wait_for_state(self, *states: str, name: str = "reviews") -> FineTuneJobStatus:
        def find() -> FineTuneJobStatus | None:
            status = self.read_status(name)
            assert status.state in states, f"{status.state}: {status.failure}"
            return status

        return poll(find, f"{name} is {' or '.join(states)}", _SLOW)

    def signal_trainer(self, number: signal.Signals) -> None:
        """Send a signal to the training process of this namespace, as the kernel would."""
        poll(lambda: find_trainer(self.namespace), "the trainer runs")
        pid = find_trainer(self.namespace)
        assert pid is not None
        os.kill(pid, number)

    def _is_ready(self, port: int) -> bool:
        assert self._operator is not None
        self._operator.check_running()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                return True
        except urllib.error.URLError:
            return False

    def _provide_claim(self, name: str, folder: Path) -> None:
        shared = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
        volume_name = f"{self.namespace}-{name}"
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": volume_name},
            "spec": {
                **shared,
                "capacity": {"storage": "1Gi"},
                "hostPath": {"path": str(folder)},
                "claimRef": {"namespace": self.namespace, "name": name},
            },
        }
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name},
            "spec": {
                **shared,
                "volumeName": volume_name,
                "resources": {"requests": {"storage": "1Gi"}},
            },
        }
        self.cluster.request("POST", "/api/v1/persistentvolumes", volume)
        path = f"/api/v1/namespaces/{self.namespace}/persistentvolumeclaims"
        self.cluster.request("POST", path, claim)


def build_spec() -> Object:
    """A training of a few hundred steps, with a checkpoint every twenty-five."""
    return {
        "task": "TextClassification",
        "model": {"source": "pvc://data/base"},
        "dataset": {
            "train": {"source": "pvc://data/train.csv"},
            "test": {"source": "pvc://data/test.csv"},
        },
        "training": {
            "maxSteps": 300,
            "batchSize": 8,
            "learningRate": 0.0005,
            "precision": "Float32",
            "maxLength": 32,
        },
        "earlyStopping": {"enabled": False},
        "evaluation": {"every": "Steps", "everySteps": 50},
        "checkpoints": {"every": "Steps", "everySteps": 25},
        "resources": {
            "gpusPerNode": 0,
            "cpu": "100m",
            "memory": "512Mi",
            "ephemeralStorage": "1Gi",
        },
        "retries": {"maximum": 2, "backoffSeconds": 0},
    }


def find_trainer(namespace: str) -> int | None:
    """Find the process whose job file belongs to a namespace."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes()
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        job_file = next((v for v in variables if v.startswith(b"FINETUNE_JOB_FILE=")), b"")
        if b"finetune_trainer" in command and job_file and _is_of(job_file, namespace):
            return int(folder.name)
    return None


def _is_of(variable: bytes, namespace: str) -> bool:
    path = Path(variable.partition(b"=")[2].decode())
    try:
        return bool(json.loads(path.read_text())["namespace"] == namespace)
    except (OSError, ValueError):
        return False
