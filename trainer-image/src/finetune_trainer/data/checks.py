"""Looks at every value before a model is loaded: what a task cannot learn from is an error here.

`loading` calls it. What is wrong with one value, `kinds` knows; the message here names the first
bad rows and counts the rest, so that one look at the file mends them all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.registry import KINDS
from finetune_trainer.data.labels import suggest_label
from finetune_trainer.data.tables import Table
from finetune_trainer.errors import DataError

MAX_ROWS_NAMED = 5
MAX_LABELS_SHOWN = 20
ReadLabels = Callable[[Any], Iterable[str]]


def check_values(table: Table, columns: Sequence[Column], field: str) -> None:
    """Check each value by the kind of its column.

    Raises:
        DataError: rows are missing, or some hold what cannot be learned from.
    """
    if not len(table):
        names = ", ".join(origin.name for origin in table.origins)
        raise DataError(f"{field} has no rows: {names} is empty")
    for column in columns:
        complain = KINDS[column.kind].complain
        values = table.columns[column.role]
        bad = [index for index, value in enumerate(values) if complain(value) is not None]
        if bad:
            what = complain(values[bad[0]])
            raise DataError(
                f"{field}: {describe_rows(table, bad)} has {what}",
                hint=f"mend or remove the rows, or name another column in"
                f" dataset.columns.{column.role}",
            )


def check_rows(
    table: Table, complain: Callable[[Mapping[str, Any]], str | None], field: str
) -> None:
    """Check what must agree between the values of each row.

    Raises:
        DataError: in some rows it does not.
    """
    names = list(table.columns)
    rows = [dict(zip(names, row, strict=True)) for row in zip(*table.columns.values(), strict=True)]
    bad = [index for index, row in enumerate(rows) if complain(row) is not None]
    if bad:
        raise DataError(
            f"{field}: {describe_rows(table, bad)} has {complain(rows[bad[0]])}",
            hint="mend or remove the rows",
        )


def check_labels(
    table: Table, role: str, labels: Sequence[str], read_labels: ReadLabels, field: str
) -> None:
    """Check that every label is one of the known ones.

    Raises:
        DataError: one is not; the message names its row and value.
    """
    known = set(labels)
    values = table.columns[role]
    bad = [i for i, value in enumerate(values) if not known.issuperset(read_labels(value))]
    if not bad:
        return
    label = next(label for label in read_labels(values[bad[0]]) if label not in known)
    nearest = suggest_label(label, labels)
    raise DataError(
        f"{field}: {describe_rows(table, bad)} has the label {label!r}, which is not one of"
        f" {list_labels(labels)}",
        hint=f"did you mean {nearest!r}?" if nearest else "correct the row or dataset.labels",
    )


def check_label_count(labels: Sequence[str], rows: int, role: str, column: str, field: str) -> None:
    """Check that the label column can be one: at least two labels, and not nearly one for each row.

    Raises:
        DataError: it cannot.
    """
    distinct = set(labels)
    if len(distinct) < 2:
        raise DataError(
            f"{field}: every row has the label {next(iter(distinct), '')!r}; at least two labels"
            " are needed to learn a difference",
            hint=f"is {column!r} the column of the labels? set dataset.columns.{role}",
        )
    if len(distinct) >= 20 and len(distinct) > rows / 2:
        raise DataError(
            f"{field}: column {column!r} holds {len(distinct)} different values in {rows}"
            " rows; that is no set of labels",
            hint=f"set dataset.columns.{role} to the column of the labels",
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
