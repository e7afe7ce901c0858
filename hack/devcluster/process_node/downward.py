"""What a pod may ask about itself: fieldRef and resourceFieldRef.

The same answers serve environment variables (`environment`) and files (`volumes`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devcluster.api import Object
from devcluster.process_node.quantities import divide_rounding_up

HOST_IP = "127.0.0.1"
_SUBSCRIPT = re.compile(r"metadata\.(?P<map>labels|annotations)\['(?P<key>[^']+)'\]")


@dataclass(frozen=True, slots=True)
class PodFacts:
    """A pod and what its node adds to it."""

    pod: Object
    node_name: str
    pod_ip: str
    capacity: Mapping[str, str]

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.pod["metadata"]["namespace"])

    @property
    def name(self) -> str:
        """The pod's name."""
        return str(self.pod["metadata"]["name"])

    @property
    def uid(self) -> str:
        """The pod's uid."""
        return str(self.pod["metadata"]["uid"])


_FIELDS: dict[str, Callable[[PodFacts], str]] = {
    "metadata.name": lambda facts: facts.name,
    "metadata.namespace": lambda facts: facts.namespace,
    "metadata.uid": lambda facts: facts.uid,
    "metadata.labels": lambda facts: _format_map(facts, "labels"),
    "metadata.annotations": lambda facts: _format_map(facts, "annotations"),
    "spec.nodeName": lambda facts: facts.node_name,
    "spec.serviceAccountName": lambda facts: facts.pod["spec"].get("serviceAccountName", ""),
    "status.hostIP": lambda facts: HOST_IP,
    "status.hostIPs": lambda facts: HOST_IP,
    "status.podIP": lambda facts: facts.pod_ip,
    "status.podIPs": lambda facts: facts.pod_ip,
}


def read_field(facts: PodFacts, path: str) -> str:
    """Answer a fieldRef; a label or annotation that is not set is the empty string.

    Raises:
        ValueError: the node does not know this field.
    """
    if match := _SUBSCRIPT.fullmatch(path):
        values = facts.pod["metadata"].get(match["map"]) or {}
        return str(values.get(match["key"], ""))
    if path not in _FIELDS:
        raise ValueError(f"unsupported fieldPath: {path}")
    return _FIELDS[path](facts)


def read_resource(facts: PodFacts, container: Object, reference: Object) -> str:
    """Answer a resourceFieldRef of a container.

    An absent limit is what the node has and an absent request is zero, as with a kubelet.

    Raises:
        ValueError: the resource is none that can be asked for.
    """
    kind, _, resource = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    limit = (resources.get("limits") or {}).get(resource, facts.capacity.get(resource))
    quantity = limit
    if kind == "requests":
        quantity = (resources.get("requests") or {}).get(resource, "0")
    if kind not in ("limits", "requests") or quantity is None:
        raise ValueError(f"unsupported container resource: {reference['resource']}")
    return str(divide_rounding_up(quantity, str(reference.get("divisor") or "1")))


def _format_map(facts: PodFacts, name: str) -> str:
    values = facts.pod["metadata"].get(name) or {}
    return "\n".join(f"{key}={json.dumps(values[key])}" for key in sorted(values))
