"""Builds the environment variables of a container, as its pod describes them.

Paths in the values are still the pod's own: `launches` rewrites them once everything is expanded.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from devcluster.api import Object
from devcluster.process_node.downward import PodFacts, read_field, read_resource
from devcluster.process_node.references import (
    MissingReferenceError,
    References,
    build_collection_path,
    read_required,
)

_REFERENCE = re.compile(r"\$(?:\$|\((?P<name>[^)]*)\))")


@dataclass(frozen=True, slots=True)
class _Scope:
    """What a variable may draw from."""

    facts: PodFacts
    container: Object
    references: References


async def resolve_environment(
    facts: PodFacts, container: Object, references: References
) -> dict[str, str]:
    """Give the variables of a container: `envFrom` first, then `env` in its order.

    Raises:
        MissingReferenceError: a ConfigMap, a Secret or a key that is not optional is absent.
        ValueError: a field reference that this node does not know.
    """
    scope = _Scope(facts, container, references)
    variables: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        variables.update(await _read_source(scope, source))
    for entry in container.get("env") or ():
        if "valueFrom" not in entry:
            variables[entry["name"]] = expand(entry.get("value", ""), variables)
            continue
        value = await _read_value(scope, entry["valueFrom"])
        if value is not None:
            variables[entry["name"]] = value
    return variables


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Expand `$(NAME)` as a kubelet does: unknown names stay, `$$` is a dollar sign."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match["name"], match[0])

    return _REFERENCE.sub(replace, text)


async def _read_source(scope: _Scope, source: Object) -> dict[str, str]:
    """Read an entry of envFrom: every key of an object becomes a variable."""
    kind, reference = (
        ("configmap", source["configMapRef"])
        if "configMapRef" in source
        else ("secret", source["secretRef"])
    )
    try:
        found = await read_required(
            scope.references, kind, scope.facts.namespace, reference["name"]
        )
    except MissingReferenceError:
        if reference.get("optional"):
            return {}
        raise
    prefix = source.get("prefix", "")
    return {f"{prefix}{key}": value for key, value in decode_data(kind, found).items()}


async def _read_value(scope: _Scope, source: Object) -> str | None:
    """Read a valueFrom; None when an optional reference is absent."""
    for kind, read in _VALUE_READERS.items():
        if kind in source:
            return await read(scope, source[kind])
    raise ValueError(f"unsupported valueFrom: {', '.join(source)}")


async def _read_field_value(scope: _Scope, reference: Object) -> str:
    return read_field(scope.facts, reference["fieldPath"])


async def _read_resource_value(scope: _Scope, reference: Object) -> str:
    return read_resource(scope.facts, scope.container, reference)


async def _read_config_map_key(scope: _Scope, reference: Object) -> str | None:
    return await _read_key(scope, "configmap", reference)


async def _read_secret_key(scope: _Scope, reference: Object) -> str | None:
    return await _read_key(scope, "secret", reference)


async def _read_key(scope: _Scope, kind: str, reference: Object) -> str | None:
    namespace, name, key = scope.facts.namespace, reference["name"], reference["key"]
    found, version = await scope.references.find(kind, namespace, name)
    data = decode_data(kind, found) if found else {}
    if key in data:
        return data[key]
    if reference.get("optional"):
        return None
    label = {"configmap": "ConfigMap", "secret": "Secret"}[kind]
    message = (
        f"couldn't find key {key} in {label} {namespace}/{name}"
        if found
        else f'{kind} "{name}" not found'
    )
    raise MissingReferenceError(message, build_collection_path(kind, namespace), name, version)


def decode_data(kind: str, item: Object) -> dict[str, str]:
    """Give the text values of a ConfigMap or a Secret."""
    data: dict[str, str] = item.get("data") or {}
    if kind == "configmap":
        return data
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


_VALUE_READERS: dict[str, Callable[[_Scope, Object], Awaitable[str | None]]] = {
    "fieldRef": _read_field_value,
    "resourceFieldRef": _read_resource_value,
    "configMapKeyRef": _read_config_map_key,
    "secretKeyRef": _read_secret_key,
}
