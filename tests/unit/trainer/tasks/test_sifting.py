import pytest

from finetune_trainer.errors import DataError
from finetune_trainer.tasks.sifting import sift_rows
from trainer_tasks import a_part

PART = a_part(text=[f"text {number}" for number in range(200)])


def test_good_rows_all_stay() -> None:
    sifted = sift_rows(PART, {}, "Fail", "")

    assert sifted.kept == list(range(200))
    assert sifted.warnings == ()


def test_a_bad_row_is_refused_by_its_name() -> None:
    with pytest.raises(
        DataError,
        match=r"the train part: row 3 of a.csv \(and row 8 of a.csv; 2 rows in all\) has no token",
    ) as caught:
        sift_rows(PART, {7: "nothing", 2: "no token"}, "Fail", "remove it")

    assert caught.value.hint == "remove it"


def test_few_bad_rows_are_left_out_and_told() -> None:
    sifted = sift_rows(PART, {2: "no token"}, "Drop", "")

    assert len(sifted.kept) == 199
    assert 2 not in sifted.kept
    assert sifted.warnings == (
        "1 rows of the train part were left out: row 3 of a.csv has no token",
    )


def test_many_bad_rows_are_refused_in_any_case() -> None:
    with pytest.raises(DataError, match=r"these are 3 of 200 rows, .* at most 1 %"):
        sift_rows(PART, dict.fromkeys((1, 2, 3), "no token"), "Drop", "")
