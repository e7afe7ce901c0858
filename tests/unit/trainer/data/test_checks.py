import re
from typing import Any

import pytest

from finetune_trainer.data import checks
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import read_one_label
from finetune_trainer.data.tables import Origin, Table
from finetune_trainer.errors import DataError

COLUMNS = (Column("text", Kind.TEXT), Column("label", Kind.LABEL))


def a_table(texts: list[Any], labels: list[Any] | None = None) -> Table:
    columns = {"text": texts, "label": labels or ["a", "b"] * len(texts)}
    columns["label"] = columns["label"][: len(texts)]
    return Table(columns, (Origin("one.csv", 0), Origin("two.csv", 2)))


def test_good_rows_are_no_complaint() -> None:
    assert list(checks.find_bad_values(a_table(["x", "y", "z"]), COLUMNS)) == []


def test_a_source_without_rows_is_refused() -> None:
    with pytest.raises(DataError, match=r"dataset\.train has no rows: one\.csv, two\.csv is"):
        checks.refuse_no_rows(a_table([], []), "dataset.train")


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        pytest.param(
            ["x", "  "], None, "dataset.train: row 2 of one.csv has an empty text", id="blanks"
        ),
        pytest.param(
            ["x", "y", None], None, "row 1 of two.csv has no text", id="a null in the second file"
        ),
        pytest.param(["x", 7], None, r"has a int where the text belongs \(7\)", id="a number"),
        pytest.param(
            ["", "", "", "", "", "", ""],
            None,
            r"row 1 of one.csv \(and row 2 of one.csv; row 1 of two.csv; row 2 of two.csv; row 3 of"
            r" two.csv; 7 rows in all\) has an empty text",
            id="five rows are named, the rest is counted",
        ),
        pytest.param(["x", "y"], ["a", None], "row 2 of one.csv has no label", id="no label"),
    ],
)
def test_a_value_that_cannot_be_learned_from_is_named(
    texts: list[Any], labels: list[Any] | None, message: str
) -> None:
    table = a_table(texts, labels)

    (complaint,) = checks.find_bad_values(table, COLUMNS)

    assert re.search(message, complaint.describe(table, "dataset.train"))


def test_a_label_outside_the_list_is_named_with_row_and_value() -> None:
    table = a_table(["x", "y", "z"], ["positive", "negative", "postive"])

    (complaint,) = checks.find_unknown_labels(
        table, "label", ("negative", "positive"), read_one_label
    )

    assert complaint.describe(table, "dataset.test") == (
        "dataset.test: row 1 of two.csv has the label 'postive', which is not one of negative,"
        " positive"
    )
    assert complaint.hint == "did you mean 'positive'?"


def test_one_label_teaches_no_difference() -> None:
    with pytest.raises(DataError, match="every row has the label 'a'"):
        checks.check_label_count(["a"], 2, "label", "stars", "dataset.train")


def test_a_column_of_identifiers_is_no_column_of_labels() -> None:
    values = [f"id-{n}" for n in range(40)]

    with pytest.raises(DataError, match="column 'id' holds 40 different values in 40 rows"):
        checks.check_label_count(values, 40, "label", "id", "dataset.train")
