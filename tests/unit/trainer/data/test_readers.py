from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from finetune_trainer.data.readers import find_format, read_file
from finetune_trainer.errors import DataError
from trainer_jobs import Row, write_csv, write_jsonl, write_parquet

WANTED = {"text": "review", "label": "stars"}


def read(path: Path, format_name: str = "CSV") -> dict[str, list[Any]]:
    return read_file(path, format_name, WANTED, "dataset.train").columns


@pytest.mark.parametrize(
    ("format_name", "write"),
    [
        pytest.param("CSV", write_csv, id="CSV"),
        pytest.param("JSONL", write_jsonl, id="JSONL"),
        pytest.param("Parquet", write_parquet, id="Parquet"),
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
    ("format_name", "content", "message"),
    [
        pytest.param(
            "CSV",
            b"review,stars\nfine,good\ncaf\xe9,bad\n",
            r"\(data\) line 3 is not UTF-8: byte 0xe9 at position 4",
            id="a byte that is no UTF-8 is named with its line",
        ),
        pytest.param(
            "CSV",
            b"review,stars\nfine,good\nshort\n",
            r"row 2 \(line 3\) has 1 fields, but the header has 2",
            id="a row with too few fields",
        ),
        pytest.param(
            "CSV",
            b'review,stars\n"never closed,good\n',
            r"line 2 is no CSV: unexpected end of data",
            id="a quote that is never closed",
        ),
        pytest.param(
            "CSV",
            b"review;stars\nfine;good\n",
            "has no column 'review'; it has review;stars",
            id="semicolons for commas",
        ),
        pytest.param("CSV", b"", "has no column 'review'; it has no columns", id="an empty file"),
        pytest.param(
            "JSONL",
            b'{"review": "a", "stars": 1}\n{"review": oops}\n',
            "line 2 is no JSON: Expecting value at column 12",
            id="a line that is no JSON",
        ),
        pytest.param(
            "JSONL", b"[1, 2]\n", "line 1 holds a list: an object", id="a line that is no object"
        ),
        pytest.param("Parquet", b"PAR1 not really", "is no Parquet file", id="a broken Parquet"),
    ],
)
def test_what_is_broken_is_named_with_its_place(
    tmp_path: Path, format_name: str, content: bytes, message: str
) -> None:
    path = tmp_path / "data"
    path.write_bytes(content)

    with pytest.raises(DataError, match=message):
        read(path, format_name)
