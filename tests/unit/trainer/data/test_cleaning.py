from collections.abc import Iterator

import pytest

from finetune_trainer.data import checks
from finetune_trainer.data.checks import Complaint
from finetune_trainer.data.cleaning import Cleaned, describe_dropped
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.tables import BrokenRow, Origin, Table
from finetune_trainer.errors import DataError

COLUMNS = (Column("text", Kind.TEXT),)


def a_source(rows: int, bad: tuple[int, ...], broken: tuple[int, ...] = ()) -> Cleaned:
    texts = ["" if n in bad else None if n in broken else f"text {n}" for n in range(rows)]
    gaps = {n: BrokenRow(f"line {n + 1} is no JSON", "one object each") for n in broken}
    return Cleaned("dataset.train", Table({"text": texts}, (Origin("a.csv", 0),), gaps), rows)


def find_empty(table: Table) -> Iterator[Complaint]:
    return checks.find_bad_values(table, COLUMNS)


def test_the_first_bad_row_fails_the_job() -> None:
    with pytest.raises(DataError, match=r"dataset.train: row 8 of a.csv has an empty text"):
        a_source(1000, bad=(7,)).clean("Fail", find_empty)


def test_a_row_that_could_not_be_read_fails_with_its_own_words() -> None:
    with pytest.raises(DataError, match=r"^line 3 is no JSON$") as caught:
        a_source(1000, (), broken=(2, 5)).clean("Fail", checks.find_broken_rows, find_empty)
    assert caught.value.hint == "one object each"


def test_a_few_bad_rows_are_left_out_and_named() -> None:
    source = a_source(300, bad=(7,), broken=(2, 299))

    cleaned = source.clean("Drop", checks.find_broken_rows, find_empty)

    assert len(cleaned.table) == 297
    assert describe_dropped(cleaned) == (
        "3 of 300 rows of dataset.train were left out: line 3 is no JSON; line 300 is no JSON;"
        " row 8 of a.csv: an empty text"
    )


@pytest.mark.parametrize(
    ("rows", "bad", "kept"),
    [
        pytest.param(200, (1, 2), True, id="two of two hundred"),
        pytest.param(200, (1, 2, 3), False, id="three of two hundred"),
        pytest.param(99, (1,), False, id="one of fewer than a hundred"),
    ],
)
def test_more_than_one_in_a_hundred_is_no_accident(
    rows: int, bad: tuple[int, ...], kept: bool
) -> None:
    source = a_source(rows, bad)

    if kept:
        assert len(source.clean("Drop", find_empty).table) == rows - len(bad)
        return
    with pytest.raises(DataError, match=f"{len(bad)} of {rows} rows cannot be learned from, such"):
        source.clean("Drop", find_empty)


def test_the_bound_holds_for_all_checks_together() -> None:
    source = a_source(200, bad=(1, 2)).clean("Drop", find_empty)

    with pytest.raises(DataError, match="3 of 200 rows"):
        source.clean("Drop", lambda table: [Complaint({5: "no sense"})])


def test_a_check_sees_only_what_those_before_it_left() -> None:
    def find_short(table: Table) -> Iterator[Complaint]:
        yield Complaint({i: "short" for i, text in enumerate(table.columns["text"]) if not text})

    cleaned = a_source(100, bad=(4,)).clean("Drop", find_empty, find_short)

    assert cleaned.dropped == ("row 5 of a.csv: an empty text",)


def test_good_rows_are_told_about_in_no_words() -> None:
    assert describe_dropped(a_source(5, ()).clean("Drop", find_empty)) is None
