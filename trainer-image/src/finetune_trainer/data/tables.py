"""Rows in memory, by column, with the place that each came from.

`readers` and `hub` make them, everything else in `data` works on them. Columns carry the names that
the task gives them (`text`, `label`), no longer those of the file. A row keeps its origin, so that
a message can say "row 17 of reviews.csv" even after a split.
"""

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a run of rows came from.

    Attributes:
        name: the file, or the data set and its split.
        start: the index in the table of its first row.
        first_row: the number there of that row, counted from 1; more than 1 behind a row that was
            left out.
    """

    name: str
    start: int
    first_row: int = 1


@dataclass(frozen=True, slots=True)
class BrokenRow:
    """A row that could not even be read; its values in the table are None.

    Attributes:
        message: what is wrong, with its place.
        hint: how to mend it.
    """

    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one source.

    Attributes:
        columns: the values of each column, all of one length.
        origins: where the rows came from, in order.
        broken: the rows that could not be read, by index; `cleaning` refuses or drops them.
    """

    columns: dict[str, list[Any]]
    origins: tuple[Origin, ...]
    broken: Mapping[int, BrokenRow] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), []))

    def describe_row(self, index: int) -> str:
        """Name a row as a person finds it: counted from 1, the header not counted."""
        origin = self.origins[bisect_right(self.origins, index, key=lambda o: o.start) - 1]
        return f"row {index - origin.start + origin.first_row} of {origin.name}"

    def without(self, dropped: Collection[int]) -> "Table":
        """Leave rows out; the others keep their names."""
        if not dropped:
            return self
        gone = set(dropped)
        kept = [index for index in range(len(self)) if index not in gone]
        columns = {name: [values[i] for i in kept] for name, values in self.columns.items()}
        return Table(columns, self._trace(kept))

    def _trace(self, kept: Sequence[int]) -> tuple[Origin, ...]:
        """Find where runs of rows that are still side by side begin."""
        starts = {origin.start for origin in self.origins}
        found: list[Origin] = []
        for position, index in enumerate(kept):
            follows = position > 0 and kept[position - 1] == index - 1
            if follows and index not in starts:
                continue
            origin = self.origins[bisect_right(self.origins, index, key=lambda o: o.start) - 1]
            found.append(Origin(origin.name, position, index - origin.start + origin.first_row))
        return tuple(found)


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
    broken: dict[int, BrokenRow] = {}
    offset = 0
    for table in tables:
        for name, values in columns.items():
            values.extend(table.columns[name])
        origins.extend(replace(o, start=o.start + offset) for o in table.origins)
        broken |= {index + offset: row for index, row in table.broken.items()}
        offset += len(table)
    return Table(columns, tuple(origins), broken)
