"""What the chart makes for Prometheus and Grafana, and that all of it is off by default."""

import json
from typing import Any

import pytest

from chart_queries import list_boards
from chart_rendering import (
    CHART,
    EVERYTHING_ON,
    NAMESPACE,
    TWO_NAMESPACES,
    Values,
    read_container,
    render,
)
from finetune_api.contract import environment
from finetune_api.contract.resolved_jobs import resolve_job
from finetune_api.v1alpha1 import parse_job
from finetune_operator.core import names
from finetune_operator.core.plan import Launch
from finetune_operator.core.settings import Settings
from finetune_operator.manifests.jobs import build_job
from manifests import build_manifest

MONITORING_KINDS = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap"}


def test_nothing_is_monitored_unasked() -> None:
    assert MONITORING_KINDS & render().list_kinds() == set()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param({"metrics": {"serviceMonitor": {"enabled": True}}}, "ServiceMonitor", id="1"),
        pytest.param({"metrics": {"trainerPodMonitor": {"enabled": True}}}, "PodMonitor", id="2"),
        pytest.param({"prometheusRule": {"enabled": True}}, "PrometheusRule", id="3"),
        pytest.param({"dashboards": {"enabled": True}}, "ConfigMap", id="4"),
    ],
)
def test_each_part_is_switched_on_by_its_own_value(values: Values, kind: str) -> None:
    assert MONITORING_KINDS & render(values).list_kinds() == {kind}


def test_no_template_asks_the_cluster_what_it_has() -> None:
    texts = {path.name: path.read_text() for path in CHART.rglob("templates/**/*.*")}

    assert [n for n, text in texts.items() if ".Capabilities" in text or "lookup" in text] == []


def test_the_service_monitor_finds_the_operator_and_keeps_its_labels() -> None:
    rendering = render(EVERYTHING_ON)

    spec = rendering.only("ServiceMonitor")["spec"]
    service = rendering.only("Service")
    (endpoint,) = spec["endpoints"]
    assert spec["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert spec["namespaceSelector"] == {"matchNames": [NAMESPACE]}
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["honorLabels"] is True
    assert "metrics" in {port["name"] for port in read_container(rendering)["ports"]}


def build_training_template() -> dict[str, Any]:
    job = parse_job(build_manifest())
    launch = Launch(number=1, image="trainer:1")
    attempt = build_job(job, resolve_job(job), launch, Settings())
    template: dict[str, Any] = attempt["spec"]["template"]
    return template


def test_the_pod_monitor_finds_training_pods_and_names_their_job() -> None:
    spec = render(EVERYTHING_ON).only("PodMonitor")["spec"]

    (endpoint,) = spec["podMetricsEndpoints"]
    (expression,) = spec["selector"]["matchExpressions"]
    template = build_training_template()
    ports = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
    assert expression["key"] in template["metadata"]["labels"]
    assert endpoint["port"] in ports
    assert endpoint["path"] == environment.METRICS_PATH
    leaders, named = endpoint["relabelings"]
    annotation = names.INDEX_ANNOTATION
    for character in "./-":
        annotation = annotation.replace(character, "_")
    assert leaders == {
        "sourceLabels": [f"__meta_kubernetes_pod_annotation_{annotation}"],
        "regex": "0?",
        "action": "keep",
    }
    assert [named] == [
        {
            "sourceLabels": ["__meta_kubernetes_pod_label_finetune_dev_job_name"],
            "targetLabel": "name",
        }
    ]


@pytest.mark.parametrize(
    ("values", "selector"),
    [
        pytest.param({}, {"any": True}, id="everywhere"),
        pytest.param(TWO_NAMESPACES, {"matchNames": ["team-a", "team-b"]}, id="in two namespaces"),
    ],
)
def test_the_pod_monitor_looks_where_the_operator_does(
    values: Values, selector: dict[str, object]
) -> None:
    spec = render(EVERYTHING_ON | values).only("PodMonitor")["spec"]

    assert spec["namespaceSelector"] == selector


def test_boards_reach_grafana_as_they_are() -> None:
    values = {"enabled": True, "namespace": "grafana", "folder": "ML", "annotations": {"a": "b"}}

    boards = render({"dashboards": values}).only("ConfigMap")

    assert boards["metadata"]["namespace"] == "grafana"
    assert boards["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert boards["metadata"]["annotations"] == {"grafana_folder": "ML", "a": "b"}
    assert [json.loads(text) for text in boards["data"].values()] == list_boards()
