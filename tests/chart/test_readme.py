"""The chart as a package: its README and metadata, held against the values and the code."""

import subprocess
import tomllib

import pytest
import yaml

import chart_values
from chart_rendering import CHART, KUBERNETES_VERSION, ROOT, find_helm
from finetune_api import v1alpha1


def test_the_table_of_values_is_in_step() -> None:
    stale = [
        name
        for name, text in chart_values.build_files().items()
        if (ROOT / name).read_text() != text
    ]

    assert stale == [], "run `python -m chart_values` in hack/"


def test_a_value_without_a_description_is_refused_by_name() -> None:
    text = "image:\n  # -- Where it comes from.\n  registry: a\n  tag: b\n"

    with pytest.raises(chart_values.UndescribedError, match=r"image\.tag"):
        chart_values.list_values(text)


def test_the_chart_names_the_definition_that_it_installs() -> None:
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]

    (definition,) = yaml.safe_load(annotations["artifacthub.io/crds"])

    assert definition["kind"] == v1alpha1.KIND
    assert definition["version"] == v1alpha1.VERSION
    assert definition["name"] == f"{v1alpha1.PLURAL}.{v1alpha1.GROUP}"


def test_chart_and_operator_are_released_together() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    operator = tomllib.loads((ROOT / "operator" / "pyproject.toml").read_text())

    assert chart["appVersion"] == operator["project"]["version"]


def test_helm_finds_nothing_to_complain_about() -> None:
    command = [str(find_helm()), "lint", "--strict", "--kube-version", KUBERNETES_VERSION]

    linted = subprocess.run([*command, str(CHART)], capture_output=True, text=True, check=False)

    assert linted.returncode == 0, linted.stdout
