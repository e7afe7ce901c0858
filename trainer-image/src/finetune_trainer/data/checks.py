"""Looks at every value before a model is loaded: what a task cannot learn from is an error here.

`loading` calls it. One row of VALUE_CHECKS for each kind of column; the message names the first bad
rows and counts the rest, so that one look at the file mends them all.
"""

from collections.abc import Callable, Sequence
from typing import Any

from finetune_trainer.data.columns import Column, Kind
from finetune_trainer.data.labels import suggest_label
from finetune_trainer.data.tables import Table
from finetune_trainer.errors import DataError

MAX_ROWS_NAMED = 5
MAX_LABELS_SHOWN = 20
Complaint = Callable[[Any], str | None]


def check_values(table: Table, columns: Sequence[Column], field: str) -> None:
    """Check each value by the kind of its column.

    Raises:
        DataError: rows are missing, or some hold what cannot be learned from.
    """
    if not len(table):
        names = ", ".join(origin.name for origin in table.origins)
        raise DataError(f"{field} has no rows: {names} is empty")
    for column in columns:
        complain = VALUE_CHECKS[column.kind]
        values = table.columns[column.role]
        bad = [index for index, value in enumerate(values) if complain(value) is not None]
        if bad:
            what = complain(values[bad[0]])
            raise DataError(
                f"{field}: {describe_rows(table, bad)} has {what}",
                hint=f"mend or remove the rows, or name another column in"
                f" dataset.columns.{column.role}",
            )


def check_labels(table: Table, role: str, labels: Sequence[str], field: str) -> None:
    """Check that every label is one of the known ones.

    Raises:
        DataError: one is not; the message names its row and value.
    """
    known = set(labels)
    values = table.columns[role]
    bad = [index for index, label in enumerate(values) if label not in known]
    if not bad:
        return
    label = values[bad[0]]
    nearest = suggest_label(label, labels)
    raise DataError(
        f"{field}: {describe_rows(table, bad)} has the label {label!r}, which is not one of"
        f" {list_labels(labels)}",
        hint=f"did you mean {nearest!r}?" if nearest else "correct the row or dataset.labels",
    )


def check_label_count(table: Table, role: str, column: str, field: str) -> None:
    """Check that the label column can be one: at least two labels, and not nearly one for each row.

    Raises:
        DataError: it cannot.
    """
    distinct = set(table.columns[role])
    if len(distinct) < 2:
        raise DataError(
            f"{field}: every row has the label {next(iter(distinct))!r}; at least two labels are"
            " needed to learn a difference",
            hint=f"is {column!r} the column of the labels? set dataset.columns.label",
        )
    if len(distinct) >= 20 and len(distinct) > len(table) / 2:
        raise DataError(
            f"{field}: column {column!r} holds {len(distinct)} different values in {len(table)}"
            " rows; that is no set of labels",
            hint="set dataset.columns.label to the column of the labels",
        )


def describe_rows(table: Table, indices: Sequence[int]) -> str:
    """Name the first bad rows and count the others: `row 3 of a.csv (and rows 5, 9; 7 in all)`."""
    first = table.describe_row(indices[0])
    if len(indices) == 1:
        return first
    others = "; ".join(table.describe_row(i) for i in indices[1:MAX_ROWS_NAMED])
    return f"{first} (and {others}; {len(indices)} rows in all)"


def list_labels(labels: Sequence[str]) -> str:
    """Show the labels, not too many."""
    shown = ", ".join(labels[:MAX_LABELS_SHOWN])
    more = len(labels) - MAX_LABELS_SHOWN
    return shown if more <= 0 else f"{shown} and {more} more"


def _complain_about_text(value: Any) -> str | None:
    if value is None:
        return "no text"
    if not isinstance(value, str):
        return f"a {type(value).__name__} where the text belongs ({value!r:.40})"
    return None if value.strip() else "an empty text"


def _complain_about_label(value: Any) -> str | None:
    return "no label" if value is None else None


VALUE_CHECKS: dict[Kind, Complaint] = {
    Kind.TEXT: _complain_about_text,
    Kind.LABEL: _complain_about_label,
}
