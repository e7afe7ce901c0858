"""docs/coverage.md promises a field and a test for every practice; this holds it to that."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from finetune_api.crd import build_schema

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| practice", "| ---"))
]
SCHEMA = build_schema()


def find_field(path: str) -> dict[str, Any] | None:
    node: dict[str, Any] = SCHEMA
    for name in path.split("."):
        node = node.get("items", node)
        if name not in node.get("properties", {}):
            return None
        node = node["properties"][name]
    return node


def list_tests(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_every_practice_of_the_guides_has_a_row() -> None:
    assert len(ROWS) >= 70
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_fields_and_the_test_of_a_row_exist(row: list[str]) -> None:
    _, fields, proof = row

    paths = [path for path in re.findall(r"`([^`]+)`", fields) if path.startswith("spec.")]
    assert paths or fields.startswith("no: ")
    assert [path for path in paths if find_field(path.split("=")[0]) is None] == []
    file, _, name = proof.strip("`").partition("::")
    assert name in list_tests(ROOT / file)
