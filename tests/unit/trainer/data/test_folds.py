import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_api.v1alpha1.dataset import Dataset, TrainData, ValidationData
from finetune_trainer.data.columns import Column
from finetune_trainer.data.folds import assign_folds, find_fold_warnings, find_folds, take_fold
from finetune_trainer.data.hashing import hash_row
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.loading import Data
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.splits import Keys
from finetune_trainer.data.tables import Origin, Part, Table
from finetune_trainer.errors import DataError

NEEDS = Needs((Column("text", Kind.TEXT), Column("label", Kind.LABEL)), ("text",), "label")


def keys_of(rows: list[tuple[str, str]]) -> Keys:
    return Keys([hash_row([text], "split-42") for text, _ in rows], [label for _, label in rows])


def make_rows(count: int, labels: str = "ab") -> list[tuple[str, str]]:
    return [(f"text {n}", labels[n % len(labels)]) for n in range(count)]


def make_data(rows: list[tuple[str, str]]) -> Data:
    columns = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    table = Table(columns, (Origin("a.csv", 0),))
    parts = {name: Part(name, table, range(len(rows))) for name in ("train", "test")}
    hashes = list(keys_of(rows).hashes)
    return Data(parts, ("a", "b"), "fingerprint", keys={"train": hashes, "test": hashes})


def a_dataset(folds: int | None) -> Dataset:
    validation = ValidationData(folds=folds) if folds else ValidationData(fraction=0.2)
    return Dataset(train=TrainData(source="pvc://d/a.csv"), validation=validation)


def test_each_row_validates_once() -> None:
    folds = assign_folds(keys_of(make_rows(103)), 5)

    assert sorted(position for fold in folds for position in fold) == list(range(103))
    assert all(18 <= len(fold) <= 23 for fold in folds)


def test_every_fold_has_its_share_of_every_label() -> None:
    rows = make_rows(100, "aaab")

    folds = assign_folds(keys_of(rows), 5)

    assert [Counter(rows[i][1] for i in fold) for fold in folds] == [{"a": 15, "b": 5}] * 5


def test_folds_depend_on_the_rows_and_not_on_their_order() -> None:
    rows = make_rows(200)
    shuffled = random.Random(1).sample(rows, len(rows))

    folds = assign_folds(keys_of(rows), 4)
    folds_again = assign_folds(keys_of(shuffled), 4)

    assert [{rows[i] for i in f} for f in folds] == [{shuffled[i] for i in f} for f in folds_again]


def test_nearly_all_rows_stay_in_their_fold_when_data_is_added() -> None:
    folds = assign_folds(keys_of(make_rows(1000)), 5)
    folds_later = assign_folds(keys_of(make_rows(1100)), 5)

    moved = sum(
        len(set(fold) ^ {i for i in later if i < 1000})
        for fold, later in zip(folds, folds_later, strict=True)
    )
    assert moved / 2 < 0.1 * 1000


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("xyz")), min_size=2))
def test_equal_texts_share_a_fold_whatever_their_labels(rows: list[tuple[str, str]]) -> None:
    folds = assign_folds(keys_of(rows), 2)

    homes: dict[str, set[int]] = {}
    for number, fold in enumerate(folds):
        for position in fold:
            homes.setdefault(rows[position][0], set()).add(number)
    assert all(len(found) == 1 for found in homes.values())


def test_rare_labels_do_not_all_meet_in_the_same_folds() -> None:
    rows = [(f"text {n}", f"label {n % 100}") for n in range(200)]

    folds = assign_folds(keys_of(rows), 5)

    assert all(20 <= len(fold) <= 60 for fold in folds)


def test_no_fold_is_empty_even_if_every_label_is_rare() -> None:
    for count in range(2, 8):
        rows = [(f"text {n}", f"label {n}") for n in range(count)]
        assert all(assign_folds(keys_of(rows), count))


def test_a_fold_learns_from_the_rows_of_the_others() -> None:
    rows = make_rows(20)
    data = make_data(rows)
    folds = find_folds(a_dataset(4), NEEDS, data)

    taken = take_fold(data, folds, 2)

    assert set(taken.parts) == {"train", "validation"}
    assert list(taken.parts["validation"].indices) == list(folds[1])
    together = [*taken.parts["train"].indices, *taken.parts["validation"].indices]
    assert sorted(together) == list(range(20))
    assert taken.keys["validation"] == [data.keys["train"][i] for i in folds[1]]
    assert taken.fingerprint == data.fingerprint


def test_a_job_without_folds_has_none() -> None:
    assert find_folds(a_dataset(None), NEEDS, make_data(make_rows(20))) == ()


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(make_rows(4), id="fewer rows than folds"),
        pytest.param([("the same", "a"), ("another", "b")] * 20, id="many rows, all of them equal"),
    ],
)
def test_too_few_rows_are_refused(rows: list[tuple[str, str]]) -> None:
    with pytest.raises(DataError, match=r"dataset\.validation\.folds is 5, but only \d of the"):
        find_folds(a_dataset(5), NEEDS, make_data(rows))


def test_labels_that_some_folds_cannot_measure_are_told() -> None:
    rows = [*make_rows(40), ("odd one", "rare")]
    data = make_data(rows)

    warnings = find_fold_warnings(NEEDS, data, find_folds(a_dataset(5), NEEDS, data))

    assert warnings == [
        "1 labels have fewer rows than the 5 folds, so that some folds cannot measure them: rare"
    ]
