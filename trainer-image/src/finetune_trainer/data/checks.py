"""Looks at every value before a model is loaded, for what a task cannot learn from.

`cleaning` asks and decides what becomes of the rows. What is wrong with one value, `kinds` knows;
what is said here names the first bad rows and counts the rest, so that one look at the file mends
them all.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finetune_trainer.data.columns import Column, name_field
from finetune_trainer.data.kinds.registry import KINDS
from finetune_trainer.data.labels import suggest_label
from finetune_trainer.data.tables import Table
from finetune_trainer.errors import DataError

MAX_ROWS_NAMED = 5
MAX_LABELS_SHOWN = 20
ReadLabels = Callable[[Any], Iterable[str]]
CheckRow = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Complaint:
    """Rows that one check finds fault with.

    Attributes:
        reasons: what is wrong with each, by index; "an empty text".
        hint: what to do about it.
        message: the whole of it, where it names the place already.
    """

    reasons: Mapping[int, str]
    hint: str | None = None
    message: str | None = None

    def describe(self, table: Table, field: str) -> str:
        """Name the first rows, count the others, and say what is wrong with the first."""
        if self.message is not None:
            return self.message
        indices = list(self.reasons)
        return f"{field}: {describe_rows(table, indices)} has {self.reasons[indices[0]]}"

    def describe_each(self, table: Table) -> dict[int, str]:
        """Name each row, and say what is wrong with it."""
        if self.message is not None:
            return dict(self.reasons)
        return {index: f"{table.describe_row(index)}: {why}" for index, why in self.reasons.items()}


def refuse_no_rows(table: Table, field: str) -> None:
    """Refuse a source without rows.

    Raises:
        DataError: there is none.
    """
    if not len(table):
        names = ", ".join(origin.name for origin in table.origins)
        raise DataError(f"{field} has no rows: {names} is empty")


def find_broken_rows(table: Table) -> Iterator[Complaint]:
    """Find what could not even be read."""
    if table.broken:
        first = next(iter(table.broken.values()))
        reasons = {index: row.message for index, row in table.broken.items()}
        yield Complaint(reasons, first.hint, first.message)


def find_bad_values(table: Table, columns: Sequence[Column]) -> Iterator[Complaint]:
    """Check each value by the kind of its column."""
    for column in columns:
        complain = KINDS[column.kind].complain
        values = enumerate(table.columns[column.role])
        reasons = {i: why for i, value in values if (why := complain(value)) is not None}
        if reasons:
            yield Complaint(
                reasons,
                f"mend or remove the rows, or name another column in {name_field(column.role)}",
            )


def find_bad_rows(table: Table, check_row: CheckRow) -> Iterator[Complaint]:
    """Check what must agree between the values of each row."""
    names = list(table.columns)
    rows = enumerate(zip(*table.columns.values(), strict=True))
    reasons = {
        index: why
        for index, row in rows
        if (why := check_row(dict(zip(names, row, strict=True)))) is not None
    }
    if reasons:
        yield Complaint(reasons, "mend or remove the rows")


def find_unknown_labels(
    table: Table, role: str, labels: Sequence[str], read_labels: ReadLabels
) -> Iterator[Complaint]:
    """Check that every label is one of the known ones."""
    known = set(labels)
    unknown = {
        index: label
        for index, value in enumerate(table.columns[role])
        if (label := next((found for found in read_labels(value) if found not in known), None))
        is not None
    }
    if not unknown:
        return
    first = next(iter(unknown.values()))
    nearest = suggest_label(first, labels)
    listed = list_labels(labels)
    yield Complaint(
        {i: f"the label {label!r}, which is not one of {listed}" for i, label in unknown.items()},
        f"did you mean {nearest!r}?" if nearest else "correct the row or dataset.labels",
    )


def check_label_count(
    labels: Sequence[str], rows: int, role: str, column: str, field: str, minimum: int = 2
) -> None:
    """Check that the label column can be one: at least two labels, and not nearly one for each row.

    Raises:
        DataError: it cannot.
    """
    distinct = set(labels)
    if not distinct:
        raise DataError(
            f"{field}: no row has a label in column {column!r}",
            hint=f"set dataset.columns.{role} to the column of the labels",
        )
    if len(distinct) < minimum:
        raise DataError(
            f"{field}: every row has the label {next(iter(distinct), '')!r}; at least two labels"
            " are needed to learn a difference",
            hint=f"is {column!r} the column of the labels? set dataset.columns.{role}",
        )
    # Where one is enough, a row may hold many of them.
    if minimum > 1 and len(distinct) >= 20 and len(distinct) > rows / 2:
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
