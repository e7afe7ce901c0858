"""Runs the operator as the chart would: with its settings, and as its service account."""

import json
import os
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from chart_releases import Release
from chart_rendering import Values, read_environment, render
from devcluster.leashed_processes import LeashedProcess
from finetune_api.v1alpha1 import GROUP, PLURAL, VERSION
from manifests import build_manifest
from polling import poll


class InstalledOperator:
    """A running operator, seen from outside."""

    def __init__(self, release: Release, values: Values, folder: Path) -> None:
        """Install the chart, start the operator and wait until it is ready."""
        release.install(values)
        self.release = release
        self._metrics_port, self._health_port = pick_free_ports(2)
        account = folder / "kubeconfig.yaml"
        release.write_kubeconfig(account)
        settings = read_environment(render(values)) | {
            "FINETUNE_OPERATOR_METRICS_PORT": str(self._metrics_port),
            "FINETUNE_OPERATOR_HEALTH_PORT": str(self._health_port),
            "FINETUNE_OPERATOR_BIND_ADDRESS": "127.0.0.1",
        }
        self._process = LeashedProcess(
            "operator",
            [sys.executable, "-m", "finetune_operator"],
            folder / "operator.log",
            environment=os.environ | settings | {"KUBECONFIG": str(account)},
        )
        poll(self._is_ready, "the operator is ready")

    def stop(self) -> None:
        self._process.stop(grace_seconds=5)

    def create_job(self, changes: dict[str, Any]) -> None:
        manifest = build_manifest(changes | {"metadata.namespace": self.release.namespace})
        self.release.cluster.request("POST", self._path(GROUP, VERSION, PLURAL), manifest)

    def list_states(self) -> dict[str, str]:
        """Give the state of every FineTuneJob, by its name; empty before the first look at it."""
        jobs = self._list(self._path(GROUP, VERSION, PLURAL))
        return {job["metadata"]["name"]: job.get("status", {}).get("state", "") for job in jobs}

    def list_attempts(self) -> list[dict[str, Any]]:
        return self._list(self._path("batch", "v1", "jobs"))

    def list_events(self) -> list[dict[str, Any]]:
        events = self._list(self._path("events.k8s.io", "v1", "events"))
        return [e for e in events if e["regarding"]["kind"] == "FineTuneJob"]

    def patch_job(self, name: str, spec: dict[str, Any]) -> None:
        patch, namespace = json.dumps({"spec": spec}), self.release.namespace
        self.release.cluster.kubectl(
            "patch", PLURAL, name, "-n", namespace, "--type=merge", "--patch", patch
        )

    def count_refusals(self) -> float:
        """Count its requests that the API server answered with 403."""
        text = self._get(self._metrics_port, "/metrics")
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "finetune_operator_api_requests_total"
            and sample.labels["code"] == "403"
        )

    def _path(self, group: str, version: str, plural: str) -> str:
        return f"/apis/{group}/{version}/namespaces/{self.release.namespace}/{plural}"

    def _list(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.release.cluster.request("GET", path)["items"]
        return items

    def _is_ready(self) -> bool:
        self._process.check_running()
        try:
            return bool(self._get(self._health_port, "/readyz"))
        except urllib.error.URLError:
            return False

    def _get(self, port: int, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
        return text


def pick_free_ports(count: int) -> list[int]:
    """Pick ports that are free now; held together, so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
