from typing import Any

from finetune_api.crd import build_crd, build_schema
from finetune_api.v1alpha1 import MUTABLE_FIELDS

Node = dict[str, Any]


def walk(path: str, node: Node) -> list[tuple[str, Node]]:
    found = [(path, node)]
    for name, child in node.get("properties", {}).items():
        found += walk(f"{path}.{name}", child)
    for part in ("items", "additionalProperties"):
        if isinstance(node.get(part), dict):
            found += walk(f"{path}[]", node[part])
    return found


def spec_and_status() -> list[tuple[str, Node]]:
    schema = build_schema()["properties"]
    return walk("spec", schema["spec"]) + walk("status", schema["status"])


def test_every_field_has_a_description() -> None:
    assert [
        p for p, n in spec_and_status() if not p.endswith("[]") and not n.get("description")
    ] == []


def test_every_string_list_and_map_that_a_user_writes_is_bounded() -> None:
    spec = walk("spec", build_schema()["properties"]["spec"])
    unbounded = [
        path
        for path, node in spec
        if (node.get("type") == "string" and not ("maxLength" in node or "enum" in node))
        or (node.get("type") == "array" and "maxItems" not in node)
        or ("additionalProperties" in node and "maxProperties" not in node)
    ]
    assert unbounded == []


def test_the_schema_is_structural() -> None:
    allowed_beside_int_or_string = {"anyOf"}
    for path, node in spec_and_status():
        assert "$ref" not in node, path
        assert "title" not in node, path
        if "anyOf" in node:
            assert node.get("x-kubernetes-int-or-string"), path
            assert allowed_beside_int_or_string <= set(node)
        else:
            assert "type" in node, path


def test_everything_but_suspend_and_ttl_is_immutable() -> None:
    spec = build_schema()["properties"]["spec"]
    guarded = {
        name
        for name in spec["properties"]
        for rule in spec["x-kubernetes-validations"]
        if f"oldSelf.{name})" in rule["rule"]
    }
    assert guarded == set(spec["properties"]) - MUTABLE_FIELDS


def test_the_columns_tell_the_story() -> None:
    version = build_crd()["spec"]["versions"][0]
    columns = version["additionalPrinterColumns"]

    assert [c["name"] for c in columns if not c.get("priority")] == [
        "State", "Progress", "Loss", "Metric", "ETA", "Age",
    ]  # fmt: skip
    assert version["subresources"] == {"status": {}}
