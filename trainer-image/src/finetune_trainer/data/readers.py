"""Reads files of rows: one row of a table for each format.

`loading` asks for the columns it needs and gets them under the names of the roles. CSV and JSONL
are read with the standard library: it says which row is broken, which the faster readers do not.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune_trainer.data.columns import match_columns
from finetune_trainer.data.tables import Origin, Table
from finetune_trainer.errors import DataError

# Documents are longer than the 128 KiB that the csv module takes for a broken file.
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))

Reader = Callable[[Path, dict[str, str], str], dict[str, list[Any]]]


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
        DataError: the file is empty, broken, or lacks a column.
    """
    columns = FORMATS[format_name].read(path, wanted, f"{field} ({path.name})")
    return Table(columns, (Origin(path.name, 0),))


def find_format(path: Path) -> str | None:
    """Tell the format of a file by its ending; None for a file of no known format."""
    name = path.name.lower()
    return next((f for f, row in FORMATS.items() if name.endswith(row.endings)), None)


def _read_csv(path: Path, wanted: dict[str, str], place: str) -> dict[str, list[Any]]:
    rows = csv.reader(_decoded_lines(path, place), strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        match_columns(wanted, header, place)
        positions = {role: header.index(name) for role, name in wanted.items()}
        columns: dict[str, list[Any]] = {role: [] for role in wanted}
        for number, row in enumerate((r for r in rows if r), start=1):
            if len(row) != len(header):
                raise DataError(
                    f"{place} row {number} (line {rows.line_num}) has {len(row)} fields, but the"
                    f" header has {len(header)}",
                    hint="put fields that hold commas or line breaks in double quotes",
                )
            for role, position in positions.items():
                columns[role].append(row[position])
    except csv.Error as error:
        raise DataError(f"{place} line {rows.line_num} is no CSV: {error}") from error
    return columns


def _read_jsonl(path: Path, wanted: dict[str, str], place: str) -> dict[str, list[Any]]:
    rows = [
        _parse_json_row(line, number, place)
        for number, line in enumerate(_decoded_lines(path, place), start=1)
        if line.strip()
    ]
    present = dict.fromkeys(name for row in rows for name in row)
    if rows:
        match_columns(wanted, present, place)
    return {role: [row.get(name) for row in rows] for role, name in wanted.items()}


def _parse_json_row(line: str, number: int, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{place} line {number} is no JSON: {error.msg} at column {error.colno}",
            hint="JSONL holds one JSON object on each line",
        ) from error
    if not isinstance(row, dict):
        raise DataError(
            f"{place} line {number} holds a {type(row).__name__}: an object with columns is needed"
        )
    return row


def _read_parquet(path: Path, wanted: dict[str, str], place: str) -> dict[str, list[Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            match_columns(wanted, file.schema_arrow.names, place)
            table = file.read(columns=list(wanted.values()))
    except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
        raise DataError(f"{place} is no Parquet file: {error}") from error
    return {role: table.column(name).to_pylist() for role, name in wanted.items()}


def _decoded_lines(path: Path, place: str) -> Iterator[str]:
    """Decode line by line, so that a byte that is no UTF-8 has a line number."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{place} line {number} is not UTF-8: byte 0x{line[error.start]:02x} at"
                    f" position {error.start + 1}",
                    hint="save the file as UTF-8",
                ) from error
            yield text


FORMATS: dict[str, Format] = {
    "CSV": Format((".csv",), _read_csv),
    "JSONL": Format((".jsonl", ".ndjson", ".json"), _read_jsonl),
    "Parquet": Format((".parquet", ".pq"), _read_parquet),
}
