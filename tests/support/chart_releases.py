"""Installs the chart into a real control plane, for the integration tests.

There are no nodes: what counts is what the API server takes, and what the roles allow.
"""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from chart_rendering import CHART, Values, find_helm
from devcluster.control_plane import ControlPlane


@dataclass(frozen=True, slots=True)
class Release:
    """One installation, named after its namespace so that several fit into one cluster."""

    cluster: ControlPlane
    namespace: str

    @property
    def service_account(self) -> str:
        """The operator, as the API server sees it."""
        return f"system:serviceaccount:{self.namespace}:{self.full_name}"

    @property
    def full_name(self) -> str:
        """The name of the release's objects."""
        return f"{self.namespace}-finetune-operator"

    def install(self, values: Values | None = None) -> str:
        """Install or upgrade without the CRD, which other tests need; give what helm prints."""
        without_crd = (values or {}) | {"crds": {"enabled": False}}
        return self._run_helm(
            "upgrade", "--install", self.namespace, str(CHART), "--values", "-",
            stdin=json.dumps(without_crd),
        )  # fmt: skip

    def uninstall(self) -> str:
        """Take it away again."""
        return self._run_helm("uninstall", self.namespace)

    def write_kubeconfig(self, path: Path) -> None:
        """Write a kubeconfig with a token of the operator's service account."""
        token = self.cluster.kubectl("create", "token", self.full_name, "-n", self.namespace)
        document = yaml.safe_load(self.cluster.kubeconfig.read_text())
        for user in document["users"]:
            user["user"] = {"token": token.strip()}
        path.write_text(yaml.safe_dump(document))

    def _run_helm(self, *arguments: str, stdin: str = "") -> str:
        command = [str(find_helm()), *arguments, "--namespace", self.namespace]
        command += ["--kubeconfig", str(self.cluster.kubeconfig)]
        ended = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@dataclass(frozen=True, slots=True)
class Right:
    """One thing that somebody may or may not do."""

    verb: str
    resource: str
    group: str = ""
    subresource: str = ""


def is_allowed(cluster: ControlPlane, user: str, right: Right, namespace: str) -> bool:
    """Ask the API server's own authorizer."""
    attributes: dict[str, Any] = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": right.resource,
        "subresource": right.subresource,
    }
    review = cluster.request(
        "POST",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        {"spec": {"user": user, "resourceAttributes": attributes}},
    )
    return bool(review["status"]["allowed"])
