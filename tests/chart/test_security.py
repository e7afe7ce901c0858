"""What the operator may do in the cluster, and what may be done with its pod."""

from collections.abc import Iterable

import pytest

from chart_rendering import (
    EVERYTHING_ON,
    NAMESPACE,
    TWO_NAMESPACES,
    Manifest,
    Rendering,
    Values,
    render,
)

FORBIDDEN_RESOURCES = {
    "secrets",
    "pods/exec",
    "pods/log",
    "pods/attach",
    "pods/portforward",
    "nodes",
    "serviceaccounts",
    "serviceaccounts/token",
    "roles",
    "rolebindings",
    "clusterroles",
    "clusterrolebindings",
    "*",
}
FORBIDDEN_VERBS = {"*", "escalate", "bind", "impersonate"}

COMBINATIONS = [
    pytest.param({}, id="defaults"),
    pytest.param(TWO_NAMESPACES, id="two namespaces"),
    pytest.param(EVERYTHING_ON, id="everything on"),
    pytest.param(EVERYTHING_ON | TWO_NAMESPACES, id="everything on in two namespaces"),
    pytest.param({"rbac": {"aggregateClusterRoles": False}}, id="no roles for tenants"),
]


def list_rules(rendering: Rendering) -> list[Manifest]:
    roles = rendering.find("ClusterRole") + rendering.find("Role")
    return [rule for role in roles for rule in role["rules"]]


def list_rights(rules: Iterable[Manifest]) -> set[tuple[str, str]]:
    return {(name, verb) for rule in rules for name in rule["resources"] for verb in rule["verbs"]}


@pytest.mark.parametrize("values", COMBINATIONS)
def test_no_role_reaches_what_would_give_a_tenant_more(values: Values) -> None:
    rules = list_rules(render(values))

    assert [rule for rule in rules if FORBIDDEN_RESOURCES & set(rule["resources"])] == []
    assert [rule for rule in rules if FORBIDDEN_VERBS & set(rule["verbs"])] == []
    assert [rule for rule in rules if "*" in rule["apiGroups"]] == []


def test_a_cluster_wide_operator_has_one_role() -> None:
    rendering = render({"rbac": {"aggregateClusterRoles": False}})

    assert rendering.find("Role") == []
    assert (
        rendering.only("ClusterRoleBinding")["roleRef"]["name"]
        == (rendering.only("ClusterRole")["metadata"]["name"])
    )


def test_an_operator_of_two_namespaces_has_no_right_outside_them() -> None:
    rendering = render(TWO_NAMESPACES | {"rbac": {"aggregateClusterRoles": False}})

    assert rendering.find("ClusterRole") == []
    assert rendering.find("ClusterRoleBinding") == []
    roles = {role["metadata"]["namespace"] for role in rendering.find("Role")}
    bindings = {
        binding["metadata"]["namespace"]: binding["subjects"][0]
        for binding in rendering.find("RoleBinding")
    }
    assert roles == bindings.keys() == {"team-a", "team-b"}
    assert {subject["namespace"] for subject in bindings.values()} == {NAMESPACE}


def test_both_scopes_give_the_same_rights_over_namespaced_objects() -> None:
    tenants_off: Values = {"rbac": {"aggregateClusterRoles": False}}

    everywhere = list_rights(list_rules(render(tenants_off)))
    in_two = list_rights(list_rules(render(tenants_off | TWO_NAMESPACES)))

    assert everywhere == in_two


def test_the_proxy_of_pods_is_open_only_to_who_asks_through_it() -> None:
    closed = list_rights(list_rules(render()))
    opened = list_rights(list_rules(render({"progress": {"throughApiServer": True}})))

    assert opened - closed == {("pods/proxy", "get")}


def test_tenants_do_not_write_the_status() -> None:
    rendering = render()

    tenants = [
        role
        for role in rendering.find("ClusterRole")
        if role["metadata"]["name"][-5:] in ("-view", "-edit")
    ]
    rights = list_rights(rule for role in tenants for rule in role["rules"])
    assert len(tenants) == 2
    assert {verb for name, verb in rights if name == "finetunejobs/status"} == {
        "get",
        "list",
        "watch",
    }


@pytest.mark.parametrize(
    ("suffix", "aggregated_to"),
    [
        pytest.param("-view", {"view", "edit", "admin"}, id="viewing"),
        pytest.param("-edit", {"edit", "admin"}, id="editing"),
    ],
)
def test_rights_of_tenants_join_the_roles_of_the_cluster(
    suffix: str, aggregated_to: set[str]
) -> None:
    role = next(r for r in render().find("ClusterRole") if r["metadata"]["name"].endswith(suffix))

    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    labels = role["metadata"]["labels"]
    assert {k.removeprefix(prefix) for k in labels if k.startswith(prefix)} == aggregated_to


def test_no_roles_are_made_when_the_platform_makes_them() -> None:
    rendering = render({"rbac": {"create": False, "aggregateClusterRoles": False}})

    assert [kind for kind in rendering.list_kinds() if "Role" in kind] == []


def list_pods(rendering: Rendering) -> list[Manifest]:
    return [
        rendering.only("Deployment")["spec"]["template"]["spec"],
        *(pod["spec"] for pod in rendering.find("Pod")),
    ]


@pytest.mark.parametrize("values", COMBINATIONS)
def test_every_pod_meets_pod_security_restricted_and_more(values: Values) -> None:
    for pod in list_pods(render(values)):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["enableServiceLinks"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & pod.keys()
        assert {kind for v in pod.get("volumes", ()) for kind in v if kind != "name"} <= {
            "emptyDir"
        }
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]


def test_only_the_operator_is_given_a_token() -> None:
    rendering = render()

    operator, test = list_pods(rendering)
    assert operator["automountServiceAccountToken"] is True
    assert test["automountServiceAccountToken"] is False
    assert rendering.only("ServiceAccount")["automountServiceAccountToken"] is False


def test_the_chart_makes_no_secret() -> None:
    assert render(EVERYTHING_ON).find("Secret") == []
