"""Reads YAML so that every value is what kubectl would send, and remembers where it stood.

kubectl turns YAML into JSON by Go's rules, which are neither YAML 1.1 nor 1.2: 2e-5 is a number,
010 is eight, `yes` is true, and 3.0 arrives as 3. A job that passes here must not fail there, so
the text of a plain scalar is read by those rules (tests/unit/cli/test_documents.py holds a table
that kubectl itself gave). ruamel.yaml parses and keeps the line numbers. One thing is stricter:
a key that is given twice is an error, where kubectl silently takes the last.
`manifests` is the only caller.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from kubectl_finetune.errors import ManifestError

Location: TypeAlias = tuple[int | str, ...]
"""Where a value stands: keys and indices from the root, as pydantic writes them."""

MAX_DEPTH = 64  # an anchor that holds itself would never end

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_SPECIAL_FLOATS = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGERS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), 10),
    (re.compile(r"[-+]?0[xX][0-9a-fA-F]+"), 16),
    (re.compile(r"[-+]?0[bB][01]+"), 2),
    (re.compile(r"[-+]?0[oO]?[0-7]+"), 8),
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document.

    Attributes:
        file_name: as the user typed it, for messages.
        value: the document as JSON values.
        lines: the line of every key and list item, from 1.
    """

    file_name: str
    value: Any
    lines: Mapping[Location, int]

    def find_line(self, location: Location) -> int:
        """Give the line of a field, or of the nearest part around it that was written."""
        while location not in self.lines:
            location = location[:-1]
        return self.lines[location]


def read_documents(text: str, file_name: str) -> list[Document]:
    """Read all documents of a file; empty ones are left out.

    Raises:
        ManifestError: the text is no YAML, or a key is given twice.
    """
    try:
        nodes = list(YAML(typ="rt", pure=True).compose_all(text))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ManifestError(f"{file_name}:{line}: {error.problem or error.context}") from error
    except YAMLError as error:
        raise ManifestError(f"{file_name}: {error}") from error
    documents = (_build_document(node, file_name) for node in nodes if node is not None)
    return [document for document in documents if document.value is not None]


def read_plain_scalar(text: str) -> Any:
    """Give the JSON value of an unquoted scalar, as kubectl would send it."""
    if text in _WORDS:
        return _WORDS[text]
    if _SPECIAL_FLOATS.fullmatch(text):
        return float(text.replace(".", ""))
    digits = text.replace("_", "") if text[0] in "+-.0123456789" else text
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(digits):
            return int(re.sub("(?<=0)[oO]", "", digits), base)
    return _read_float(digits) if _FLOAT.fullmatch(digits) else text


def _read_float(digits: str) -> Any:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        return digits  # Go refuses to overflow and keeps the text
    return int(value) if value.is_integer() else value  # JSON has no 3.0: it is sent as 3


def _build_document(node: Node, file_name: str) -> Document:
    builder = _Builder(file_name, {(): node.start_mark.line + 1})
    value = builder.build(node, ())
    return Document(file_name, value, builder.lines)


@dataclass(frozen=True, slots=True)
class _Builder:
    """Turns ruamel's nodes into JSON values and notes the lines on the way."""

    file_name: str
    lines: dict[Location, int] = field(default_factory=dict)

    def build(self, node: Node, location: Location) -> Any:
        if len(location) > MAX_DEPTH:
            raise self._refuse(node, f"nested more than {MAX_DEPTH} deep")
        if isinstance(node, MappingNode):
            return self._build_mapping(node, location)
        if isinstance(node, SequenceNode):
            return [
                self._build_at(child, child, (*location, index))
                for index, child in enumerate(node.value)
            ]
        return self._build_scalar(node)

    def _build_at(self, marked: Node, node: Node, location: Location) -> Any:
        self.lines[location] = marked.start_mark.line + 1
        return self.build(node, location)

    def _build_mapping(self, node: MappingNode, location: Location) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.value == "<<" and key_node.style is None:
                for part in self._build_merged(value_node, location):
                    merged = part | merged  # the first one named wins
                continue
            key = _name_key(self._build_scalar(key_node))
            if key in own:
                raise self._refuse(key_node, f"the key {key!r} is given twice")
            own[key] = self._build_at(key_node, value_node, (*location, key))
        return merged | own

    def _build_merged(self, node: Node, location: Location) -> Iterator[dict[str, Any]]:
        for part in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(part, MappingNode):
                raise self._refuse(part, "<< merges mappings only")
            yield self._build_mapping(part, location)

    def _build_scalar(self, node: Node) -> Any:
        if not isinstance(node, ScalarNode):
            raise self._refuse(node, "a key must be a plain word")
        suffix = str(node.ctag.suffix).rpartition(":")[2] if node.ctag.handle else None
        if suffix not in (None, "str", "int", "float", "bool", "null"):
            raise self._refuse(node, f"the tag {node.ctag} means nothing here; remove it")
        is_text = suffix == "str" or (suffix is None and node.style is not None)
        return node.value if is_text else read_plain_scalar(node.value)

    def _refuse(self, node: Node, problem: str) -> ManifestError:
        return ManifestError(f"{self.file_name}:{node.start_mark.line + 1}: {problem}")


def _name_key(key: Any) -> str:
    """Name a key as JSON must: `on:` and `1:` become the texts "true" and "1"."""
    return str(key).lower() if isinstance(key, bool) else "null" if key is None else str(key)
