"""Values that cannot work are refused before anything is installed, by the name of the value."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from chart_rendering import CHART, ChartRefusedError, Values, render

BAD_VALUES = [
    pytest.param({"replicaCount": 2}, "replicaCount", id="an unknown value"),
    pytest.param({"image": {"name": "x"}}, "name", id="an unknown value inside another"),
    pytest.param({"image": {"tag": "latest"}}, "/image/tag", id="a tag that moves"),
    pytest.param({"image": {"tag": 1.2}}, "/image/tag", id="a tag that YAML read as a number"),
    pytest.param({"image": {"digest": "0123"}}, "/image/digest", id="no digest"),
    pytest.param({"image": {"repository": ""}}, "/image/repository", id="no repository"),
    pytest.param({"image": {"pullPolicy": "always"}}, "/image/pullPolicy", id="a pull policy"),
    pytest.param({"imagePullSecrets": ["mine"]}, "/imagePullSecrets/0", id="a secret as a string"),
    pytest.param({"trainer": {"image": {"tag": "latest"}}}, "/trainer/image/tag", id="trainer tag"),
    pytest.param(
        {"trainer": {"allowedImagePrefixes": [""]}},
        "/trainer/allowedImagePrefixes/0",
        id="an empty prefix would allow every image",
    ),
    pytest.param(
        {"trainer": {"env": {"A": "b,c"}}}, "/trainer/env/A", id="a comma ends a variable"
    ),
    pytest.param({"trainer": {"env": {"HF_TOKEN": "x"}}}, "HF_TOKEN", id="a secret in plain sight"),
    pytest.param({"trainer": {"claim": {"size": "20"}}}, "/trainer/claim/size", id="20 bytes"),
    pytest.param(
        {"trainer": {"claim": {"accessMode": "RWX"}}}, "/trainer/claim/accessMode", id="RWX"
    ),
    pytest.param({"trainer": {"graceSeconds": 0}}, "/trainer/graceSeconds", id="no grace"),
    pytest.param({"operator": {"workers": 0}}, "/operator/workers", id="nobody works"),
    pytest.param({"operator": {"logLevel": "info"}}, "/operator/logLevel", id="a log level"),
    pytest.param({"operator": {"healthPort": 80}}, "/operator/healthPort", id="a port of root"),
    pytest.param({"progress": {"seconds": 0}}, "/progress/seconds", id="asking all the time"),
    pytest.param({"crds": {"keep": "no"}}, "/crds/keep", id="a word for a boolean"),
    pytest.param({"watch": {"scope": "all"}}, "/watch/scope", id="an unknown scope"),
    pytest.param(
        {"watch": {"namespaces": ["team-a"]}},
        "/watch/namespaces",
        id="namespaces without the scope would be ignored",
    ),
    pytest.param(
        {"watch": {"scope": "namespaces", "namespaces": ["Team A"]}},
        "/watch/namespaces/0",
        id="no name of a namespace",
    ),
    pytest.param(
        {"serviceAccount": {"create": False}}, "/serviceAccount/name", id="whose account?"
    ),
    pytest.param({"commonLabels": {"team": 1}}, "/commonLabels/team", id="a number as a label"),
    pytest.param({"podLabels": {"a b": "c"}}, "a b", id="no label key"),
    pytest.param(
        {"resources": {"limits": {"memory": "512MB"}}}, "/resources/limits/memory", id="MB"
    ),
    pytest.param({"extraEnv": [{"value": "x"}]}, "/extraEnv/0", id="a variable without a name"),
    pytest.param(
        {"metrics": {"serviceMonitor": {"interval": "30"}}},
        "/metrics/serviceMonitor/interval",
        id="30 of what?",
    ),
    pytest.param(
        {"prometheusRule": {"disabled": ["JobFailed"]}},
        "/prometheusRule/disabled/0",
        id="an alert that does not exist",
    ),
    pytest.param(
        {"prometheusRule": {"runbookUrl": "docs"}}, "/prometheusRule/runbookUrl", id="no URL"
    ),
    pytest.param({"dashboards": {"folder": ""}}, "/dashboards/folder", id="no folder"),
]


@pytest.mark.parametrize(("values", "place"), BAD_VALUES)
def test_a_bad_value_is_refused_by_name(values: Values, place: str) -> None:
    with pytest.raises(ChartRefusedError) as refusal:
        render(values)

    assert place in str(refusal.value)
    assert "schema" in str(refusal.value)


def test_a_parent_chart_may_hand_down_its_globals() -> None:
    assert render({"global": {"anything": True}}).find("Deployment")


def test_resources_may_be_written_as_numbers() -> None:
    assert render({"resources": {"requests": {"cpu": 1}, "limits": {"cpu": 0.5}}})


def walk_objects(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield path, schema
        for key, child in schema.items():
            yield from walk_objects(child, f"{path}/{key}")


def test_every_object_of_the_schema_says_what_it_may_hold() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    free = {"/properties/global", "/properties/tolerations/items"}

    loose = {
        path
        for path, node in walk_objects(schema)
        if "additionalProperties" not in node and not path.endswith(("Affinity", "/valueFrom"))
    }
    assert loose == free


def list_leaves(values: Any, path: str = "") -> set[str]:
    if isinstance(values, dict) and values:
        return {
            leaf for key, child in values.items() for leaf in list_leaves(child, f"{path}/{key}")
        }
    return {path}


def list_schema_leaves(node: dict[str, Any], root: dict[str, Any], path: str = "") -> set[str]:
    if reference := node.get("$ref"):
        node = root["definitions"][reference.removeprefix("#/definitions/")]
    if "properties" not in node or path == "/affinity":
        return {path}
    return {
        leaf
        for key, child in node["properties"].items()
        for leaf in list_schema_leaves(child, root, f"{path}/{key}")
    }


def test_values_and_schema_know_the_same_names() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    free_maps = {"/resources", "/dashboards/labels"}

    shown = {
        next((m for m in free_maps if leaf.startswith(m + "/")), leaf)
        for leaf in list_leaves(values)
    }
    known = {
        next((m for m in free_maps if leaf.startswith(m + "/")), leaf)
        for leaf in list_schema_leaves(schema, schema)
    }
    assert shown == known - {"/global"}
