"""What the chart makes of its values: the operator, its service account, its definition."""

from typing import Any

import pytest

from chart_rendering import (
    EVERYTHING_ON,
    FULL_NAME,
    NAMESPACE,
    TWO_NAMESPACES,
    Manifest,
    Values,
    read_container,
    read_environment,
    render,
    render_text,
)
from finetune_api.crd import build_crd

DIGEST = "sha256:" + "0123456789abcdef" * 4


def test_the_defaults_make_the_operator_and_nothing_that_needs_another_operator() -> None:
    assert render().list_kinds() == {
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Service",
        "Deployment",
        "Pod",
    }


def test_every_object_carries_the_recommended_labels() -> None:
    unlabelled = [
        (manifest["kind"], manifest["metadata"]["name"])
        for manifest in render(EVERYTHING_ON | {"commonLabels": {"team": "ml"}}).manifests
        if not {"app.kubernetes.io/name", "app.kubernetes.io/instance", "helm.sh/chart", "team"}
        <= manifest["metadata"]["labels"].keys()
    ]

    assert unlabelled == []


def test_own_labels_win_over_common_ones() -> None:
    rendering = render(
        {
            "commonLabels": {"app.kubernetes.io/name": "mine", "team": "ml"},
            "podLabels": {"app.kubernetes.io/component": "mine", "zone": "a"},
        }
    )

    deployment = rendering.only("Deployment")["spec"]
    pod_labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"].items() <= pod_labels.items()
    assert {"team": "ml", "zone": "a"}.items() <= pod_labels.items()


def test_one_operator_runs_at_a_time() -> None:
    deployment = render().only("Deployment")["spec"]

    assert deployment["replicas"] == 1
    assert deployment["strategy"] == {"type": "Recreate"}


def test_the_service_reaches_the_operator_and_not_the_test_pod() -> None:
    rendering = render()

    selector = rendering.only("Service")["spec"]["selector"].items()
    assert (
        selector <= rendering.only("Deployment")["spec"]["template"]["metadata"]["labels"].items()
    )
    assert not selector <= rendering.only("Pod")["metadata"]["labels"].items()


def test_probes_and_service_name_ports_that_the_container_has() -> None:
    rendering = render({"metrics": {"port": 9090}, "operator": {"healthPort": 9091}})

    container = read_container(rendering)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"metrics": 9090, "health": 9091}
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "health"}
    assert container["readinessProbe"]["httpGet"] == {"path": "/readyz", "port": "health"}
    assert {p["targetPort"] for p in rendering.only("Service")["spec"]["ports"]} <= ports.keys()


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param({}, "finetune-operator:0.1.0", id="the chart's release"),
        pytest.param({"tag": "1.2"}, "finetune-operator:1.2", id="a tag"),
        pytest.param(
            {"tag": "1.2", "digest": DIGEST},
            f"finetune-operator@{DIGEST}",
            id="a digest wins over a tag",
        ),
        pytest.param(
            {"registry": "", "repository": "local/operator", "tag": "dev"},
            "local/operator:dev",
            id="no registry",
        ),
    ],
)
def test_the_image_is_put_together(image: Values, expected: str) -> None:
    assert read_container(render({"image": image}))["image"] == expected


def test_the_trainer_image_reaches_the_operator_as_a_setting() -> None:
    environment = read_environment(render({"trainer": {"image": {"digest": DIGEST}}}))

    expected = f"finetune-trainer@{DIGEST}"
    assert environment["FINETUNE_OPERATOR_TRAINER_IMAGE"] == expected


@pytest.mark.parametrize(
    ("values", "name", "expected"),
    [
        pytest.param(TWO_NAMESPACES, "NAMESPACES", "team-a,team-b", id="namespaces"),
        pytest.param(
            {"watch": {"scope": "namespaces"}}, "NAMESPACES", NAMESPACE, id="the release's own"
        ),
        pytest.param(
            {"trainer": {"env": {"HF_ENDPOINT": "http://hub", "A": "b"}}},
            "TRAINER_ENV",
            "A=b,HF_ENDPOINT=http://hub",
            id="variables of training pods",
        ),
        pytest.param(
            {"metrics": {"finishedJobSeconds": 31536000}},
            "FINISHED_METRICS_SECONDS",
            "31536000",
            id="a large number keeps its digits",
        ),
        pytest.param({"progress": {"seconds": 2.5}}, "PROGRESS_SECONDS", "2.5", id="a fraction"),
        pytest.param(
            {"trainer": {"allowedImagePrefixes": ["a.example/", "b.example/team/"]}},
            "ALLOWED_IMAGE_PREFIXES",
            "a.example/,b.example/team/",
            id="a list",
        ),
    ],
)
def test_a_value_becomes_a_setting(values: Values, name: str, expected: str) -> None:
    assert read_environment(render(values))[f"FINETUNE_OPERATOR_{name}"] == expected


def test_a_cluster_wide_operator_is_given_no_namespaces() -> None:
    assert "FINETUNE_OPERATOR_NAMESPACES" not in read_environment(render())


def test_extra_variables_come_last_so_that_they_win() -> None:
    extra = {"name": "FINETUNE_OPERATOR_SWEEP_SECONDS", "value": "60"}

    assert read_container(render({"extraEnv": [extra]}))["env"][-1] == extra


def test_placement_reaches_the_pod() -> None:
    placement: dict[str, Any] = {
        "priorityClassName": "system-cluster-critical",
        "nodeSelector": {"pool": "system"},
        "tolerations": [{"key": "system", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "imagePullSecrets": [{"name": "registry"}],
    }

    pod = render(placement).only("Deployment")["spec"]["template"]["spec"]

    assert {key: pod[key] for key in placement} == placement


def describe_definition(values: Values) -> Manifest:
    return render({"crds": values}).only("CustomResourceDefinition")


def test_the_definition_is_the_generated_one_untouched() -> None:
    definition = describe_definition({})

    assert definition["spec"] == build_crd()["spec"]
    assert definition["metadata"]["name"] == build_crd()["metadata"]["name"]


def test_the_definition_survives_an_uninstallation() -> None:
    annotations = describe_definition({})["metadata"]["annotations"]

    assert annotations == {"helm.sh/resource-policy": "keep"}


def test_the_definition_goes_with_the_release_when_asked() -> None:
    assert "annotations" not in describe_definition({"keep": False})["metadata"]


def test_the_definition_can_be_left_out() -> None:
    rendering = render({"crds": {"enabled": False}})

    assert rendering.find("CustomResourceDefinition") == []


def test_a_given_service_account_is_used_and_not_made() -> None:
    rendering = render({"serviceAccount": {"create": False, "name": "mine"}})

    assert rendering.find("ServiceAccount") == []
    assert rendering.only("Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "mine"
    assert rendering.only("ClusterRoleBinding")["subjects"][0]["name"] == "mine"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        pytest.param({}, FULL_NAME, id="release and chart"),
        pytest.param({"nameOverride": "tuning"}, "finetune-tuning", id="release and given name"),
        pytest.param({"nameOverride": "tune"}, "finetune", id="a name that the release holds"),
        pytest.param({"fullnameOverride": "tuner"}, "tuner", id="given altogether"),
        pytest.param({"fullnameOverride": "a" * 60}, "a" * 52, id="cut"),
    ],
)
def test_objects_are_named_after_the_release(values: Values, name: str) -> None:
    assert render(values).only("Deployment")["metadata"]["name"] == name


@pytest.mark.parametrize(
    "values", [{}, EVERYTHING_ON, TWO_NAMESPACES, EVERYTHING_ON | TWO_NAMESPACES]
)
def test_the_same_values_make_the_same_objects(values: Values) -> None:
    assert render_text(values) == render_text(values)
