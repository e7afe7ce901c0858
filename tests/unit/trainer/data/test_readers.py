import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.data.readers import find_format, read_file
from finetune_trainer.errors import DataError
from trainer_jobs import Row, write_csv, write_jsonl, write_parquet

WANTED = {"text": "review", "label": "stars"}


def write_tsv(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), delimiter="\t")
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_feather(path: Path, rows: list[Row]) -> Path:
    import pyarrow.feather

    pyarrow.feather.write_feather(pyarrow.Table.from_pylist(rows), path)
    return path


def write_stream(path: Path, rows: list[Row]) -> Path:
    """As the datasets library does in save_to_disk."""
    import pyarrow

    table = pyarrow.Table.from_pylist(rows)
    with pyarrow.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


def read(path: Path, format_name: str = "CSV") -> dict[str, list[Any]]:
    return read_file(path, format_name, WANTED, "dataset.train").columns


@pytest.mark.parametrize(
    ("format_name", "write"),
    [
        pytest.param("CSV", write_csv, id="CSV"),
        pytest.param("TSV", write_tsv, id="TSV"),
        pytest.param("JSONL", write_jsonl, id="JSONL"),
        pytest.param("Parquet", write_parquet, id="Parquet"),
        pytest.param("Arrow", write_feather, id="a Feather file"),
        pytest.param("Arrow", write_stream, id="an Arrow stream"),
    ],
)
def test_every_format_gives_the_wanted_columns_by_role(
    tmp_path: Path, format_name: str, write: Callable[[Path, list[Row]], Path]
) -> None:
    rows = [
        {"id": "1", "review": 'says "hm", twice\nand more', "stars": "good"},
        {"id": "2", "review": "größer als 🎬", "stars": "bad"},
    ]
    path = write(tmp_path / "data", rows)

    columns = read(path, format_name)

    assert columns == {
        "text": [row["review"] for row in rows],
        "label": ["good", "bad"],
    }


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("a.csv", "CSV"),
        ("a.CSV", "CSV"),
        ("a.jsonl", "JSONL"),
        ("a.json", "JSONL"),
        ("a.parquet", "Parquet"),
        ("a.tsv", "TSV"),
        ("data-00000-of-00001.arrow", "Arrow"),
        ("a.feather", "Arrow"),
        ("dataset_info.json", None),
        ("README.md", None),
    ],
)
def test_the_ending_tells_the_format(name: str, format_name: str | None) -> None:
    assert find_format(Path(name)) == format_name


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfreview,stars\nfine,good\n")

    assert read(path) == {"text": ["fine"], "label": ["good"]}


def test_a_text_longer_than_the_csv_module_expects_is_read(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [{"review": "x" * 300_000, "stars": "good"}])

    assert len(read(path)["text"][0]) == 300_000


def test_a_json_row_without_the_key_has_no_value(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"review": "a", "stars": 1}\n\n{"review": "b"}\n')

    assert read(path, "JSONL")["label"] == [1, None]


@pytest.mark.parametrize(
    ("format_name", "content", "index", "message"),
    [
        pytest.param(
            "CSV",
            b"review,stars\nfine,good\ncaf\xe9,bad\nlast,good\n",
            1,
            r"\(data\) line 3 is not UTF-8: byte 0xe9 at position 4",
            id="a byte that is no UTF-8 is named with its line",
        ),
        pytest.param(
            "CSV",
            b"review,stars\nfine,good\nshort\nlast,good\n",
            1,
            r"row 2 \(line 3\) has 1 fields, but the header has 2",
            id="a row with too few fields",
        ),
        pytest.param(
            "TSV",
            b'review\tstars\n"fine" he said\tbad\nlast\tgood\n',
            0,
            "line 2 is no CSV: '\t' expected after '\"'",
            id="a quote in the middle",
        ),
        pytest.param(
            "JSONL",
            b'{"review": "a", "stars": 1}\n{"review": oops}\n{"review": "last", "stars": 1}\n',
            1,
            "line 2 is no JSON: Expecting value at column 12",
            id="a line that is no JSON",
        ),
        pytest.param(
            "JSONL",
            b'[1, 2]\n{"review": "last", "stars": 1}\n',
            0,
            "line 1 holds a list: an object",
            id="a line that is no object",
        ),
        pytest.param(
            "JSONL",
            b'{"a":' * 100_000 + b'\n{"review": "last", "stars": 1}\n',
            0,
            "line 1 is no JSON",
            id="a line that is nested too deeply",
        ),
    ],
)
def test_a_broken_row_is_a_gap_with_its_place_and_reading_goes_on(
    tmp_path: Path, format_name: str, content: bytes, index: int, message: str
) -> None:
    path = tmp_path / "data"
    path.write_bytes(content)

    table = read_file(path, format_name, WANTED, "dataset.train")

    assert list(table.broken) == [index]
    assert re.search(message, table.broken[index].message)
    assert table.columns["text"][index] is None
    assert table.columns["text"][-1] == "last"


def test_a_quote_that_swallows_lines_leaves_a_gap_for_each(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text('review,stars\n"opens,good\nfine,bad\n"closes",good\nlast,good\n')

    table = read_file(path, "CSV", WANTED, "dataset.train")

    assert list(table.broken) == [0, 1, 2]
    assert table.columns["text"] == [None, None, None, "last"]


def test_only_so_many_broken_rows_are_described(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_text("review,stars\n" + "x\n" * 1500)

    broken = read_file(path, "CSV", WANTED, "dataset.train").broken

    assert len(broken) == 1500
    assert broken[1499].message == "a row that cannot be read"


@pytest.mark.parametrize(
    ("format_name", "content", "message"),
    [
        pytest.param(
            "CSV",
            b'review,stars\nfine,bad\n"never closed,good\n',
            r"line 3 is no CSV: unexpected end of data; a quote opens there and is never closed",
            id="a quote that is never closed hides all rows behind it",
        ),
        pytest.param(
            "CSV",
            b"review;stars\nfine;good\n",
            "has no column 'review'; it has review;stars",
            id="semicolons for commas",
        ),
        pytest.param(
            "CSV", b"caf\xe9,review\n", "line 1 is not UTF-8", id="a header that is no UTF-8"
        ),
        pytest.param("CSV", b"", "has no column 'review'; it has no columns", id="an empty file"),
        pytest.param(
            "JSONL", b'{"text": "a"}\n', "has no column 'review'; it has text", id="no column"
        ),
        pytest.param("Parquet", b"PAR1 not really", "is no Parquet file", id="a broken Parquet"),
        pytest.param("Arrow", b"ARROW1 not really", "is no Arrow file", id="a broken Arrow file"),
        pytest.param("Arrow", b"", "is no Arrow file", id="an empty Arrow file"),
    ],
)
def test_a_file_that_cannot_be_read_on_is_refused(
    tmp_path: Path, format_name: str, content: bytes, message: str
) -> None:
    path = tmp_path / "data"
    path.write_bytes(content)

    with pytest.raises(DataError, match=message):
        read(path, format_name)
