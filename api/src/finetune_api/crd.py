"""Turns the models into the CustomResourceDefinition: schema, rules, columns.

`make generate` writes the result to crds/ and into the chart; nobody edits those by hand. A
structural schema knows less than JSON schema, so references are inlined, "or null" becomes "not
required", and exclusive bounds become flags.
"""

from typing import Any

from finetune_api.rules import Rule
from finetune_api.v1alpha1 import job as v1alpha1
from finetune_api.v1alpha1.job import FineTuneJob

# What a structural schema has no place for; titles would only repeat the field's name.
_DROPPED = ("title", "$defs", "additionalProperties", "patternProperties", "propertyNames")

PRINTER_COLUMNS: tuple[dict[str, Any], ...] = (
    {"name": "State", "type": "string", "jsonPath": ".status.state"},
    {"name": "Progress", "type": "string", "jsonPath": ".status.progress.display"},
    {"name": "Loss", "type": "number", "jsonPath": ".status.progress.loss"},
    {"name": "Metric", "type": "string", "jsonPath": ".status.progress.metric"},
    {"name": "ETA", "type": "string", "jsonPath": ".status.progress.eta"},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Model", "type": "string", "jsonPath": ".spec.model.source", "priority": 1},
    {"name": "Task", "type": "string", "jsonPath": ".spec.task", "priority": 1},
    {"name": "Method", "type": "string", "jsonPath": ".spec.method.type", "priority": 1},
    {
        "name": "Queue",
        "type": "string",
        "jsonPath": r".metadata.labels.kueue\.x-k8s\.io/queue-name",
        "priority": 1,
    },
    {"name": "Step", "type": "string", "jsonPath": ".status.progress.steps", "priority": 1},
    {
        "name": "Reason",
        "type": "string",
        "jsonPath": '.status.conditions[?(@.type=="Finished")].reason',
        "priority": 1,
    },
)


def build_crd() -> dict[str, Any]:
    """Give the CustomResourceDefinition of FineTuneJob."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{v1alpha1.PLURAL}.{v1alpha1.GROUP}"},
        "spec": {
            "group": v1alpha1.GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": v1alpha1.KIND,
                "listKind": f"{v1alpha1.KIND}List",
                "plural": v1alpha1.PLURAL,
                "singular": v1alpha1.KIND.lower(),
                "shortNames": ["ftj"],
                "categories": ["finetune"],
            },
            "versions": [
                {
                    "name": v1alpha1.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "selectableFields": [
                        {"jsonPath": ".status.state"},
                        {"jsonPath": ".spec.model.source"},
                    ],
                    "additionalPrinterColumns": [dict(column) for column in PRINTER_COLUMNS],
                    "schema": {"openAPIV3Schema": build_schema()},
                }
            ],
        },
    }


def build_schema() -> dict[str, Any]:
    """Give the structural schema of the whole object."""
    full = FineTuneJob.model_json_schema(by_alias=True, mode="validation")
    schema = _to_structural(full, full.get("$defs", {}))
    properties = schema["properties"]
    properties["apiVersion"] = {"type": "string"}
    properties["kind"] = {"type": "string"}
    properties["metadata"] = {"type": "object"}
    schema["required"] = ["spec"]
    spec = properties["spec"]
    validations = spec.setdefault("x-kubernetes-validations", [])
    validations += [
        _forbid_change(name) for name in spec["properties"] if name not in v1alpha1.MUTABLE_FIELDS
    ]
    return schema


def _forbid_change(name: str) -> dict[str, str]:
    """A rule for one field of the spec: given or not, it stays as it was."""
    return Rule(
        cel=(
            f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} =="
            f" oldSelf.{name})"
        ),
        holds=lambda _: True,
        message=(
            f"spec.{name} is immutable: what was trained must stay what the spec says; apply the"
            " change under a new name"
        ),
    ).to_cel()


def _to_structural(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Rewrite one schema node, and all below it."""
    node = _inline(node, definitions)
    # Keys are bounded by a rule: a structural schema bounds only the values of a map.
    extra = next(iter(node.get("patternProperties", {}).values()), node.get("additionalProperties"))
    node = {key: value for key, value in node.items() if key not in _DROPPED}
    _name_values(node)
    _flag_exclusive_bounds(node)
    if node.get("type") == "integer":
        node["format"] = "int64"
    if "properties" in node:
        node["properties"] = {
            name: _to_structural(child, definitions) for name, child in node["properties"].items()
        }
    if "items" in node:
        node["items"] = _to_structural(node["items"], definitions)
    if node.get("type") == "object" and "properties" not in node:
        node["additionalProperties"] = (
            _to_structural(extra, definitions) if isinstance(extra, dict) else {"type": "string"}
        )
    if "default" in node:
        default = _prune_nulls(node.pop("default"))
        node |= {} if default is None else {"default": default}
    return node


def _prune_nulls(value: Any) -> Any:
    """Leave out what is not given; the rest stays: rules look at a default before filling."""
    if not isinstance(value, dict):
        return value
    return {name: _prune_nulls(child) for name, child in value.items() if child is not None}


def _inline(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Replace a reference by what it names, and "this or null" by "this"; outer words win."""
    outer = dict(node)
    choices = [c for c in outer.get("anyOf", ()) if c.get("type") != "null"]
    if "anyOf" in outer and len(choices) == 1:
        del outer["anyOf"]
        return _inline({**choices[0], **outer}, definitions)
    if "$ref" in outer:
        name = outer.pop("$ref").rsplit("/", 1)[1]
        return _inline({**definitions[name], **outer}, definitions)
    return outer


def _name_values(node: dict[str, Any]) -> None:
    if "const" in node:
        node["enum"] = [node.pop("const")]


def _flag_exclusive_bounds(node: dict[str, Any]) -> None:
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if exclusive in node and not isinstance(node[exclusive], bool):
            node[bound] = node[exclusive]
            node[exclusive] = True
