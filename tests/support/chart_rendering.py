"""Renders the chart with the real helm, for every test of what it makes.

Values go in as data, objects come out as data; nothing is installed. Helm is the pinned one of the
development cluster.
"""

import json
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from devcluster import binaries

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts" / "finetune-operator"
RELEASE = "finetune"
NAMESPACE = "finetune-system"
FULL_NAME = "finetune-finetune-operator"
KUBERNETES_VERSION = "1.33.0"  # a helm that was built from source says 1.20 of itself

Manifest = dict[str, Any]
Values = dict[str, Any]

EVERYTHING_ON: Values = {
    "metrics": {"serviceMonitor": {"enabled": True}, "trainerPodMonitor": {"enabled": True}},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "progress": {"throughApiServer": True},
}
TWO_NAMESPACES: Values = {"watch": {"scope": "namespaces", "namespaces": ["team-a", "team-b"]}}


class ChartRefusedError(Exception):
    """Helm refused the values, or could not make objects of them."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """The objects that a set of values makes."""

    manifests: tuple[Manifest, ...]

    def find(self, kind: str) -> list[Manifest]:
        return [manifest for manifest in self.manifests if manifest["kind"] == kind]

    def only(self, kind: str) -> Manifest:
        """Give the one object of its kind."""
        found = self.find(kind)
        assert len(found) == 1, f"{len(found)} objects are a {kind}, not one"
        return found[0]

    def list_kinds(self) -> set[str]:
        return {manifest["kind"] for manifest in self.manifests}


def render(values: Values | None = None, *, chart: Path = CHART) -> Rendering:
    """Render the chart.

    Raises:
        ChartRefusedError: with what helm says about it.
    """
    return Rendering(tuple(m for m in yaml.safe_load_all(render_text(values, chart=chart)) if m))


def render_text(values: Values | None = None, *, chart: Path = CHART) -> str:
    """Give the objects as helm prints them."""
    command = [str(find_helm()), "template", RELEASE, str(chart), "--namespace", NAMESPACE]
    command += ["--kube-version", KUBERNETES_VERSION, "--values", "-"]
    ended = subprocess.run(
        command, input=json.dumps(values or {}), capture_output=True, text=True, check=False
    )
    if ended.returncode != 0:
        raise ChartRefusedError(ended.stderr)
    return ended.stdout


def render_notes(folder: Path, values: Values | None = None) -> str:
    """Give what a user reads after the installation.

    Helm shows it only to whoever has a cluster, so a copy of the chart carries it as an object.
    """
    chart = folder / "chart"
    shutil.copytree(CHART, chart)
    notes = chart / "templates" / "NOTES.txt"
    text = '{{- define "notes" -}}\n' + notes.read_text() + "\n{{- end -}}"
    (chart / "templates" / "_notes.tpl").write_text(text)
    notes.unlink()
    template = 'kind: Notes\ntext: {{ include "notes" . | toJson }}\n'
    (chart / "templates" / "shown.yaml").write_text(template)
    shown: str = render(values, chart=chart).only("Notes")["text"]
    return shown


@cache
def find_helm() -> Path:
    return binaries.ensure("helm")


def read_container(rendering: Rendering) -> Manifest:
    """Give the operator's container."""
    containers = rendering.only("Deployment")["spec"]["template"]["spec"]["containers"]
    assert len(containers) == 1
    container: Manifest = containers[0]
    return container


def read_environment(rendering: Rendering) -> dict[str, str]:
    """Give the variables of the operator's container that have a plain value."""
    return {v["name"]: v["value"] for v in read_container(rendering)["env"] if "value" in v}
