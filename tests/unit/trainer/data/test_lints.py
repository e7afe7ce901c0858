from dataclasses import replace

import pytest

from finetune_trainer.data.hashing import hash_row
from finetune_trainer.data.lints import DataFacts, find_data_warnings
from finetune_trainer.data.tables import Origin, Part, Table


def facts(
    train: list[tuple[str, str]], validation: list[tuple[str, str]], same_source: bool = False
) -> DataFacts:
    parts = {"train": train, "validation": validation, "test": make("c", 60)}
    return DataFacts(
        {name: a_part(name, rows) for name, rows in parts.items()},
        {name: [hash_row([text], "") for text, _ in rows] for name, rows in parts.items()},
        "label",
        same_source,
    )


def make(prefix: str, count: int, labels: str = "ab") -> list[tuple[str, str]]:
    return [(f"{prefix} {n}", labels[n % len(labels)]) for n in range(count)]


def a_part(name: str, rows: list[tuple[str, str]]) -> Part:
    columns = {"text": [t for t, _ in rows], "label": [label for _, label in rows]}
    return Part(name, Table(columns, (Origin(name, 0),)), range(len(rows)))


TRAIN, VALIDATION = make("a", 100), make("b", 60)


def test_good_data_is_no_warning() -> None:
    assert find_data_warnings(facts(TRAIN, VALIDATION)) == []


@pytest.mark.parametrize(
    ("train", "validation", "warning"),
    [
        pytest.param(
            [*TRAIN, VALIDATION[0]],
            VALIDATION,
            "1 of 60 validation rows are also in train",
            id="a leak into validation",
        ),
        pytest.param(
            [*TRAIN, ("c 0", "a")],
            VALIDATION,
            "1 of 60 test rows are also in train",
            id="a leak into test",
        ),
        pytest.param(
            TRAIN,
            [*VALIDATION, ("c 0", "a")],
            "1 of 60 test rows are also in validation",
            id="chosen by a test row",
        ),
        pytest.param(
            TRAIN,
            VALIDATION[:20],
            "validation has 20 rows: differences of several points are chance",
            id="a small validation part",
        ),
        pytest.param(
            [*make("a", 200, "a"), *make("d", 10, "b")],
            VALIDATION,
            "95% of the training rows have the label 'a': accuracy says little, follow f1 or mcc",
            id="a majority",
        ),
        pytest.param(
            [*TRAIN, TRAIN[0]],
            VALIDATION,
            "1 of 101 training rows repeat an earlier one",
            id="a duplicate",
        ),
        pytest.param(
            [*TRAIN, ("a 0", "b")],
            VALIDATION,
            "1 training texts appear with different labels",
            id="a contradiction",
        ),
        pytest.param(
            [*TRAIN, *make("d", 3, "c")],
            VALIDATION,
            "1 labels have fewer than 8 training rows: c",
            id="a rare label",
        ),
        pytest.param(
            [*TRAIN, *make("d", 20, "c")],
            VALIDATION,
            "1 labels have no validation row: c",
            id="a label that is not measured",
        ),
    ],
)
def test_unwise_data_is_told(
    train: list[tuple[str, str]], validation: list[tuple[str, str]], warning: str
) -> None:
    assert warning in find_data_warnings(facts(train, validation))


def test_choosing_by_the_test_rows_is_told_once() -> None:
    warnings = find_data_warnings(facts(TRAIN, VALIDATION, same_source=True))

    assert [w for w in warnings if "test" in w] == [
        "dataset.validation and dataset.test are the same rows: the best model is chosen by the"
        " rows that judge it, so the test metrics are too good"
    ]


def with_general(rows: list[tuple[str, str]], ratio: float) -> list[str]:
    found = facts(TRAIN, VALIDATION)
    found.parts["replay"] = a_part("replay", rows)
    found.keys["replay"] = [hash_row([text], "") for text, _ in rows]
    return find_data_warnings(replace(found, replay_ratio=ratio))


def test_enough_general_rows_are_no_warning() -> None:
    assert with_general(make("g", 30), 0.1) == []


def test_general_rows_that_judge_are_told() -> None:
    assert with_general([*make("g", 30), VALIDATION[0]], 0.1) == [
        "1 of 60 validation rows are also in replay"
    ]


def test_general_rows_that_come_again_and_again_are_told() -> None:
    assert with_general(make("g", 30), 0.5) == [
        "dataset.replay has 30 rows, of which an epoch takes 100: add general rows, or lower"
        " dataset.replay.ratio"
    ]
