"""The table of values in the chart's README, from the comments in values.yaml.

`python -m chart_values` writes it; a test fails when it is out of step. A value is described by the
comment `# -- …` above it; one without makes this fail, so that none stays unexplained.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

CHART = Path(__file__).resolve().parents[1] / "charts" / "finetune-operator"
README = "charts/finetune-operator/README.md"
BEGIN = "<!-- values: begin; generated from values.yaml by `python -m chart_values` -->"
END = "<!-- values: end -->"

_DESCRIPTION = re.compile(r"^ *# -- (?P<text>.+)\n(?P<indent> *)(?P<key>\w+):", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Value:
    """One row of the table."""

    path: str
    default: Any
    description: str


class UndescribedError(Exception):
    """A value has no `# --` line."""


def build_files() -> dict[str, str]:
    """Give the README with the present table, by its path in the repository."""
    readme = (CHART / "README.md").read_text(encoding="utf-8")
    head, rest = readme.split(BEGIN)
    _, tail = rest.split(END)
    return {README: f"{head}{BEGIN}\n{build_table()}{END}{tail}"}


def build_table() -> str:
    """Give one line for each value."""
    lines = ["| value | default | meaning |", "|---|---|---|"]
    lines += [
        f"| `{value.path}` | `{json.dumps(value.default)}` | {value.description} |"
        for value in list_values((CHART / "values.yaml").read_text(encoding="utf-8"))
    ]
    return "\n".join(lines) + "\n"


def list_values(text: str) -> list[Value]:
    """Read the values and what is said of them, in their order.

    Raises:
        UndescribedError: names the value.
    """
    tree = YAML().load(text)
    described: dict[int, str] = {
        text[: match.start("key")].count("\n"): match["text"]
        for match in _DESCRIPTION.finditer(text)
    }
    return list(_walk(tree, "", described))


def _walk(tree: CommentedMap, path: str, described: dict[int, str]) -> list[Value]:
    found: list[Value] = []
    for key, child in tree.items():
        line, _ = tree.lc.key(key)
        name = f"{path}{key}"
        if line in described:
            found.append(Value(name, child, described[line]))
        elif isinstance(child, CommentedMap) and child:
            found += _walk(child, f"{name}.", described)
        else:
            raise UndescribedError(f"{name} in values.yaml has no `# --` line above it")
    return found


def main() -> None:
    """Write the README."""
    for name, content in build_files().items():
        (CHART.parents[1] / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
