"""Reads files of rows: one row of a table for each format.

`opening` asks for the columns it needs and gets them under the names of the roles. CSV, TSV and
JSONL are read with the standard library: it says which row is broken, which the faster readers do
not. A broken row is kept as a gap, so that the others keep their numbers; `cleaning` decides what
becomes of it. A file that cannot be read on is an error here.
"""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from finetune_trainer.data.columns import match_columns
from finetune_trainer.data.json_texts import JsonTextError, parse_json
from finetune_trainer.data.lines import DecodedLines
from finetune_trainer.data.tables import BrokenRow, Origin, Table
from finetune_trainer.errors import DataError

# Documents are longer than the 128 KiB that the csv module takes for a broken file.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))

MAX_BROKEN_ROWS_DESCRIBED = 1000
"""A file of another kind has millions of them: the others share one sentence."""
ARROW_FILE_MAGIC = b"ARROW1"
NOT_ROWS = ("dataset_info.json", "dataset_dict.json", "state.json")
"""What the datasets library writes beside its Arrow files."""


@dataclass(slots=True)
class Found:
    """What a reader collects.

    Attributes:
        columns: the values by role.
        broken: what could not be read, by index.
    """

    columns: dict[str, list[Any]]
    broken: dict[int, BrokenRow] = field(default_factory=dict)
    count: int = 0

    def add(self, values: dict[str, Any]) -> None:
        """Take a row; a role without a value has none."""
        for role, column in self.columns.items():
            column.append(values.get(role))
        self.count += 1

    def add_broken(self, message: str, hint: str | None = None) -> None:
        """Take a row that could not be read."""
        if len(self.broken) >= MAX_BROKEN_ROWS_DESCRIBED:
            message, hint = "a row that cannot be read", None
        self.broken[self.count] = BrokenRow(message, hint)
        self.add({})


Reader = Callable[[Path, dict[str, str], str], Found]


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    Attributes:
        endings: how its files are named.
        read: reads one file: path, wanted column of each role, what to call it in messages.
    """

    endings: tuple[str, ...]
    read: Reader


def read_file(path: Path, format_name: str, wanted: dict[str, str], field: str) -> Table:
    """Read the wanted columns of one file.

    Args:
        path: the file.
        format_name: a key of FORMATS.
        wanted: the column name for each role.
        field: the field of the spec that named the file, for messages.

    Raises:
        DataError: the file is empty, lacks a column, or is broken as a whole.
    """
    found = FORMATS[format_name].read(path, wanted, f"{field} ({path.name})")
    return Table(found.columns, (Origin(path.name, 0),), found.broken)


def find_format(path: Path) -> str | None:
    """Tell the format of a file by its ending; None for a file of no known format."""
    name = path.name.lower()
    if name in NOT_ROWS:
        return None
    return next((f for f, row in FORMATS.items() if name.endswith(row.endings)), None)


def _read_csv(path: Path, wanted: dict[str, str], place: str) -> Found:
    return _read_separated(path, wanted, place, ",")


def _read_tsv(path: Path, wanted: dict[str, str], place: str) -> Found:
    return _read_separated(path, wanted, place, "\t")


def _read_separated(path: Path, wanted: dict[str, str], place: str, delimiter: str) -> Found:
    lines = DecodedLines(path, place)
    rows = csv.reader(lines, strict=True, delimiter=delimiter)
    header = _read_header(rows, place)
    undecoded = lines.pop_undecoded()
    if undecoded is not None:
        # Without a header no column is known.
        raise DataError(undecoded.message, hint=undecoded.hint)
    match_columns(wanted, header, place)
    positions = {role: header.index(name) for role, name in wanted.items()}
    found = Found({role: [] for role in wanted})
    while True:
        before = rows.line_num
        try:
            row = next(rows, None)
        except csv.Error as error:
            if "unexpected end" in str(error):
                # The quote swallowed all the rows behind it: how many, nobody knows.
                raise DataError(
                    f"{place} line {before + 1} is no CSV: {error}; a quote opens there and is"
                    " never closed",
                    hint="close the quote, or write a quote inside a field twice",
                ) from error
            # One gap for each line, since each may have been a row.
            lines.pop_undecoded()
            for number in range(before + 1, rows.line_num + 1):
                found.add_broken(
                    f"{place} line {number} is no CSV: {error}",
                    "write a quote inside a field twice, and the field in double quotes",
                )
            continue
        if row is None:
            return found
        if row:
            _take_separated(found, row, lines, rows.line_num, (header, positions))


def _take_separated(
    found: Found,
    row: list[str],
    lines: DecodedLines,
    line_number: int,
    layout: tuple[list[str], dict[str, int]],
) -> None:
    header, positions = layout
    undecoded = lines.pop_undecoded()
    if undecoded is not None:
        found.add_broken(undecoded.message, undecoded.hint)
    elif len(row) != len(header):
        found.add_broken(
            f"{lines.place} row {found.count + 1} (line {line_number}) has {len(row)} fields, but"
            f" the header has {len(header)}",
            "put fields that hold separators or line breaks in double quotes",
        )
    else:
        found.add({role: row[position] for role, position in positions.items()})


def _read_header(rows: Iterator[list[str]], place: str) -> list[str]:
    try:
        return [name.strip() for name in next(rows, [])]
    except csv.Error as error:
        raise DataError(f"{place} line 1 is no CSV: {error}") from error


def _read_jsonl(path: Path, wanted: dict[str, str], place: str) -> Found:
    lines = DecodedLines(path, place)
    found = Found({role: [] for role in wanted})
    present: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        broken = lines.pop_undecoded()
        row = broken or _parse_json_row(line, number, place)
        if isinstance(row, BrokenRow):
            found.add_broken(row.message, row.hint)
            continue
        present |= dict.fromkeys(row)
        found.add({role: row.get(name) for role, name in wanted.items()})
    if present:
        match_columns(wanted, present, place)
    return found


def _parse_json_row(line: str, number: int, place: str) -> dict[str, Any] | BrokenRow:
    try:
        row = parse_json(line)
    except JsonTextError as error:
        return BrokenRow(
            f"{place} line {number} is no JSON: {error}",
            "JSONL holds one JSON object on each line",
        )
    if not isinstance(row, dict):
        return BrokenRow(
            f"{place} line {number} holds a {type(row).__name__}: an object with columns is needed"
        )
    return row


def _read_parquet(path: Path, wanted: dict[str, str], place: str) -> Found:
    import pyarrow.parquet

    with _refusing_broken(place, "Parquet"), pyarrow.parquet.ParquetFile(path) as file:
        match_columns(wanted, file.schema_arrow.names, place)
        return _take_columns(file.read(columns=_name_once(wanted)), wanted)


@contextmanager
def _refusing_broken(place: str, form: str, hint: str | None = None) -> Iterator[None]:
    """Refuse a file that breaks its reader: cut, foreign, or with sizes that no memory has.

    Raises:
        DataError: it does.
    """
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, MemoryError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk failed, not the file: another attempt may read it
        what = str(error) or "it asks for more memory than there is"
        raise DataError(f"{place} is no {form} file: {what}", hint=hint) from error


def _take_columns(table: Any, wanted: dict[str, str]) -> Found:
    return Found({role: table.column(name).to_pylist() for role, name in wanted.items()})


def _name_once(wanted: dict[str, str]) -> list[str]:
    return list(dict.fromkeys(wanted.values()))


def _read_arrow(path: Path, wanted: dict[str, str], place: str) -> Found:
    """Read an Arrow file (Feather is one) or a stream, which the datasets library writes."""
    import pyarrow

    with path.open("rb") as file:
        is_file = file.read(len(ARROW_FILE_MAGIC)) == ARROW_FILE_MAGIC
    open_arrow = pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream
    hint = "write it as Arrow IPC or Feather version 2"
    with (
        _refusing_broken(place, "Arrow", hint),
        pyarrow.OSFile(str(path)) as source,
        open_arrow(source) as batches,
    ):
        match_columns(wanted, batches.schema.names, place)
        return _take_columns(batches.read_all().select(_name_once(wanted)), wanted)


FORMATS: dict[str, Format] = {
    "CSV": Format((".csv",), _read_csv),
    "TSV": Format((".tsv", ".tab"), _read_tsv),
    "JSONL": Format((".jsonl", ".ndjson", ".json"), _read_jsonl),
    "Parquet": Format((".parquet", ".pq"), _read_parquet),
    "Arrow": Format((".arrow", ".arrows", ".feather", ".ipc"), _read_arrow),
}
