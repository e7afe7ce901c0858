"""Rows in memory, by column, with the place that each came from.

`readers` and `hub` make them, everything else in `data` works on them. Columns carry the names that
the task gives them (`text`, `label`), no longer those of the file. A row keeps its origin, so that
a message can say "row 17 of reviews.csv" even after a split.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run of rows came from.

    Attributes:
        name: the file, or the data set and its split.
        start: the index in the table of its first row.
    """

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one source.

    Attributes:
        columns: the values of each column, all of one length.
        origins: where the rows came from, in order.
    """

    columns: dict[str, list[Any]]
    origins: tuple[Origin, ...]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def describe_row(self, index: int) -> str:
        """Name a row as a person finds it: counted from 1, the header not counted."""
        origin = [o for o in self.origins if o.start <= index][-1]
        return f"row {index - origin.start + 1} of {origin.name}"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one purpose: a choice out of a table.

    Attributes:
        name: train, validation or test.
        table: where the rows are.
        indices: which of them belong to the part, ascending.
    """

    name: str
    table: Table
    indices: Sequence[int]

    def __len__(self) -> int:
        return len(self.indices)

    def has(self, name: str) -> bool:
        """Tell whether there is such a column; probes have no labels."""
        return name in self.table.columns

    def column(self, name: str) -> list[Any]:
        """Give the values of a column, in the order of the part."""
        values = self.table.columns[name]
        return [values[index] for index in self.indices]

    def describe_row(self, position: int) -> str:
        """Name the row at a position of the part."""
        return self.table.describe_row(self.indices[position])


def join_tables(tables: Sequence[Table]) -> Table:
    """Put tables of the same columns one after the other."""
    columns: dict[str, list[Any]] = {name: [] for name in tables[0].columns}
    origins: list[Origin] = []
    offset = 0
    for table in tables:
        for name, values in columns.items():
            values.extend(table.columns[name])
        origins.extend(Origin(o.name, o.start + offset) for o in table.origins)
        offset += len(table)
    return Table(columns, tuple(origins))
