"""How the variables of a container come about."""

from __future__ import annotations

from typing import Any

import pytest

from devcluster.process_node.environment import expand, resolve_environment
from devcluster.process_node.references import MissingReferenceError


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        pytest.param("a $(NAME) b", "a value b", id="known"),
        pytest.param("$(OTHER)", "$(OTHER)", id="unknown names stay"),
        pytest.param("$$(NAME)", "$(NAME)", id="escaped"),
        pytest.param("$NAME ${NAME} $(", "$NAME ${NAME} $(", id="shell syntax is not ours"),
    ],
)
def test_references_between_variables_are_expanded(text: str, expanded: str) -> None:
    assert expand(text, {"NAME": "value"}) == expanded


async def test_a_variable_sees_those_before_it(build_facts: Any, references: Any) -> None:
    references.add_config_map("defaults", HOST="hub")
    container = {
        "envFrom": [{"prefix": "X_", "configMapRef": {"name": "defaults"}}],
        "env": [{"name": "URL", "value": "//$(X_HOST)"}, {"name": "ALL", "value": "$(URL)/a"}],
    }

    variables = await resolve_environment(build_facts(), container, references)

    assert variables == {"X_HOST": "hub", "URL": "//hub", "ALL": "//hub/a"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "reviews-1-0"),
        ("metadata.namespace", "team"),
        ("metadata.uid", "u-1"),
        ("metadata.labels['app']", "trainer"),
        ("metadata.annotations['absent']", ""),
        ("spec.nodeName", "node-a"),
        ("spec.serviceAccountName", "runner"),
        ("status.podIP", "127.9.0.1"),
        ("status.hostIP", "127.0.0.1"),
    ],
)
async def test_fields_of_the_pod(build_facts: Any, references: Any, path: str, value: str) -> None:
    container = {"env": [{"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}

    assert await resolve_environment(build_facts(), container, references) == {"FIELD": value}


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        pytest.param({"resource": "limits.cpu"}, "2", id="cpu is rounded up"),
        pytest.param({"resource": "limits.cpu", "divisor": "1m"}, "1500", id="divisor"),
        pytest.param({"resource": "limits.memory"}, str(32 * 2**30), id="no limit: the node's"),
        pytest.param({"resource": "requests.memory"}, "0", id="no request"),
    ],
)
async def test_resources_of_the_container(
    build_facts: Any, references: Any, reference: dict[str, str], value: str
) -> None:
    container = {
        "resources": {"limits": {"cpu": "1500m"}},
        "env": [{"name": "HAS", "valueFrom": {"resourceFieldRef": reference}}],
    }

    assert await resolve_environment(build_facts(), container, references) == {"HAS": value}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        pytest.param("configMapKeyRef", 'configmap "absent" not found', id="ConfigMap"),
        pytest.param("secretKeyRef", 'secret "absent" not found', id="Secret"),
    ],
)
async def test_what_is_missing_is_named(
    build_facts: Any, references: Any, kind: str, message: str
) -> None:
    container = {"env": [{"name": "A", "valueFrom": {kind: {"name": "absent", "key": "k"}}}]}

    with pytest.raises(MissingReferenceError, match=message):
        await resolve_environment(build_facts(), container, references)


async def test_a_missing_key_is_named(build_facts: Any, references: Any) -> None:
    references.add_secret("token", value="hush")
    container = {
        "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "token", "key": "k"}}}]
    }

    with pytest.raises(MissingReferenceError, match="couldn't find key k in Secret team/token"):
        await resolve_environment(build_facts(), container, references)


async def test_what_is_optional_may_be_missing(build_facts: Any, references: Any) -> None:
    optional = {"name": "absent", "key": "k", "optional": True}
    container = {
        "envFrom": [{"secretRef": {"name": "absent", "optional": True}}],
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": optional}}],
    }

    assert await resolve_environment(build_facts(), container, references) == {}
