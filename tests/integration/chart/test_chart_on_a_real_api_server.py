"""What a real API server makes of the chart: it takes every object, and the roles hold."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from chart_releases import Release, Right, is_allowed
from chart_rendering import EVERYTHING_ON, Values, render
from devcluster.control_plane import ControlPlane
from polling import poll

FINETUNE = "finetune.dev"
OPERATOR_DOES = [
    Right("watch", "finetunejobs", FINETUNE),
    Right("patch", "finetunejobs", FINETUNE, "status"),
    Right("delete", "finetunejobs", FINETUNE),
    Right("update", "finetunejobs", FINETUNE, "finalizers"),
    Right("create", "jobs", "batch"),
    Right("patch", "jobs", "batch"),
    Right("watch", "pods"),
    Right("create", "configmaps"),
    Right("create", "persistentvolumeclaims"),
    Right("create", "events"),
]
OPERATOR_DOES_NOT = [
    Right("get", "secrets"),
    Right("list", "secrets"),
    Right("create", "pods"),
    Right("create", "pods", "", "exec"),
    Right("get", "pods", "", "log"),
    Right("get", "pods", "", "proxy"),
    Right("list", "configmaps"),
    Right("patch", "configmaps"),
    Right("delete", "persistentvolumeclaims"),
    Right("create", "serviceaccounts", "", "token"),
    Right("create", "roles", "rbac.authorization.k8s.io"),
    Right("get", "nodes"),
]
MONITORING_GROUP = "monitoring.coreos.com/v1"


@pytest.fixture
def release(control_plane: ControlPlane, crd: None, namespace: str) -> Iterator[Release]:
    release = Release(control_plane, namespace)
    release.install()
    yield release
    release.uninstall()


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({}, id="defaults"),
        pytest.param({"watch": {"scope": "namespaces"}}, id="one namespace"),
        pytest.param(EVERYTHING_ON, id="everything on"),
    ],
)
def test_every_object_is_taken(
    control_plane: ControlPlane, crd: None, namespace: str, values: Values
) -> None:
    manifests = [m for m in render(values).manifests if m["apiVersion"] != MONITORING_GROUP]
    for manifest in manifests:
        if "namespace" in manifest["metadata"]:
            manifest["metadata"]["namespace"] = namespace

    answer = control_plane.kubectl(
        "apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict",
        "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}),
    )  # fmt: skip

    assert len(answer.splitlines()) == len(manifests)


def list_allowed(release: Release, rights: list[Right], namespace: str) -> list[Right]:
    account = release.service_account
    return [r for r in rights if is_allowed(release.cluster, account, r, namespace)]


def test_the_operator_may_do_its_work_and_nothing_else(release: Release) -> None:
    # The first may take a moment to come true; the second is asked only then, so that it tells.
    poll(
        lambda: list_allowed(release, OPERATOR_DOES, "default") == OPERATOR_DOES,
        "the rights are given",
    )
    assert list_allowed(release, OPERATOR_DOES_NOT, "default") == []


def test_an_upgrade_narrows_the_rights_to_the_given_namespace(release: Release) -> None:
    release.install({"watch": {"scope": "namespaces"}})

    own = release.namespace
    poll(
        lambda: list_allowed(release, OPERATOR_DOES, own) == OPERATOR_DOES,
        "the rights are given in the namespace",
    )
    poll(
        lambda: list_allowed(release, OPERATOR_DOES, "default") == [],
        "the rights are taken away elsewhere",
    )


def test_progress_through_the_api_server_opens_the_proxy_of_pods(release: Release) -> None:
    release.install({"progress": {"throughApiServer": True}})

    proxy = Right("get", "pods", "", "proxy")
    account = release.service_account
    poll(lambda: is_allowed(release.cluster, account, proxy, "default"), "the right is given")


def bind(cluster: ControlPlane, namespace: str, user: str, role: str) -> None:
    group = "rbac.authorization.k8s.io"
    cluster.request(
        "POST",
        f"/apis/{group}/v1/namespaces/{namespace}/rolebindings",
        {
            "metadata": {"name": f"{user}-{role}"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        },
    )


def test_who_may_edit_a_namespace_may_create_jobs_but_not_write_their_status(
    release: Release,
) -> None:
    cluster, namespace = release.cluster, release.namespace
    bind(cluster, namespace, "engineer", "edit")

    create = Right("create", "finetunejobs", FINETUNE)
    write_status = Right("patch", "finetunejobs", FINETUNE, "status")
    poll(lambda: is_allowed(cluster, "engineer", create, namespace), "the right is given")
    assert not is_allowed(cluster, "engineer", write_status, namespace)


def test_who_may_view_a_namespace_may_look_at_jobs_only(release: Release) -> None:
    cluster, namespace = release.cluster, release.namespace
    bind(cluster, namespace, "guest", "view")

    look = Right("watch", "finetunejobs", FINETUNE)
    create = Right("create", "finetunejobs", FINETUNE)
    poll(lambda: is_allowed(cluster, "guest", look, namespace), "the right is given")
    assert not is_allowed(cluster, "guest", create, namespace)


def list_pod_specs() -> list[dict[str, Any]]:
    rendering = render({"serviceAccount": {"create": False, "name": "default"}})
    return [
        rendering.only("Deployment")["spec"]["template"]["spec"],
        rendering.only("Pod")["spec"],
    ]


@pytest.mark.parametrize("pod", list_pod_specs(), ids=["operator", "test"])
def test_pods_pass_pod_security_restricted(
    control_plane: ControlPlane, namespace: str, pod: dict[str, Any]
) -> None:
    label = "pod-security.kubernetes.io/enforce=restricted"
    control_plane.kubectl("label", "namespace", namespace, label)
    control_plane.kubectl("wait", "--for=create", "-n", namespace, "serviceaccount/default")

    taken = control_plane.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/pods?dryRun=All&fieldValidation=Strict",
        {"metadata": {"name": "checked"}, "spec": pod},
    )

    assert taken["metadata"]["name"] == "checked"


def test_the_notes_reach_whoever_installs(release: Release) -> None:
    answer = release.install({"dashboards": {"enabled": True}})

    assert f"is installed as {release.full_name} in {release.namespace}." in answer
    assert 'the board "FineTuneJob"' in answer


def test_nothing_is_left_but_the_definition(
    control_plane: ControlPlane, crd: None, namespace: str
) -> None:
    release = Release(control_plane, namespace)
    release.install(EVERYTHING_ON | {"metrics": {}, "prometheusRule": {"enabled": False}})

    release.uninstall()

    selector = f"app.kubernetes.io/instance={namespace}"
    kinds = "deploy,svc,sa,cm,clusterrole,clusterrolebinding"
    left = control_plane.kubectl("get", kinds, "-n", namespace, "-l", selector, "-o", "name")
    assert left == ""
    assert control_plane.kubectl("get", "crd", "finetunejobs.finetune.dev", "-o", "name")
