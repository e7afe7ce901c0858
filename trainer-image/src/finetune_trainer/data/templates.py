"""dataset.textTemplate: one text out of several columns, for rows of a table.

The text tasks ask here which columns their text is made of, `opening` makes it as soon as a source
is read, so that everything behind it sees a column of texts like any other. A template holds names
of columns in braces and nothing else: no format, no attribute, no expression.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.labels import format_label
from finetune_trainer.errors import ConfigError

TEXT_ROLE = "text"
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def list_text_columns(dataset: Dataset) -> tuple[Column, ...]:
    """Say what the text of a job is read from: one column, or those that its template names.

    Every task that reads `text` puts these into its needs.

    Raises:
        ConfigError: the template has a brace without a partner.
    """
    template = dataset.text_template
    if template is None:
        return (Column(TEXT_ROLE, Kind.TEXT),)
    _check_braces(template)
    names = dict.fromkeys(_PLACEHOLDER.findall(template))
    read = tuple(Column(f"{{{name}}}", Kind.ANY, name=name) for name in names)
    return (*read, Column(TEXT_ROLE, Kind.TEXT, template=template))


def render_texts(columns: Mapping[str, Sequence[Any]], template: str) -> list[str]:
    """Fill a template for each row.

    Numbers and truth values are spelt as labels are, so that CSV and Parquet give the same text; a
    value that is missing leaves its place empty. A row in which all are missing has no text.

    Args:
        columns: the values of each column of `list_text_columns`, by role.
        template: the template.
    """
    roles = list(dict.fromkeys(match[0] for match in _PLACEHOLDER.finditer(template)))
    spelt = [[format_label(value) for value in columns[role]] for role in roles]
    return [_fill(template, dict(zip(roles, row, strict=True))) for row in zip(*spelt, strict=True)]


def _fill(template: str, values: dict[str, str | None]) -> str:
    if not any(values.values()):
        return ""
    return _PLACEHOLDER.sub(lambda match: values[match[0]] or "", template)


def _check_braces(template: str) -> None:
    rest = _PLACEHOLDER.sub("", template)
    stray = next((sign for sign in rest if sign in "{}"), None)
    if stray is not None:
        raise ConfigError(
            f"dataset.textTemplate {template!r} has a {stray!r} without a partner",
            hint="write a column's name between one pair of braces, such as {amount}",
        )
