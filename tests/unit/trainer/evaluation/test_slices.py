from typing import Any

import pytest

from finetune_api.v1alpha1.dataset import Dataset
from finetune_api.v1alpha1.evaluation import Slices
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import DataError
from finetune_trainer.evaluation.slices import (
    Group,
    ask_for_columns,
    check_columns,
    describe_groups,
    find_gap,
    group_rows,
    measure_groups,
    name_role,
)
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION
from trainer_tasks import a_part


def with_values(*values: Any) -> Part:
    return a_part("test", **{name_role("region"): list(values)})


def a_dataset(**parts: Any) -> Dataset:
    return Dataset.model_validate({"train": {"source": "pvc://d/a.csv"}, **parts})


def test_rows_are_grouped_by_value_the_largest_group_first() -> None:
    part = with_values("a", "b", "b", None, 1.0, 1, " ")

    assert group_rows(part, "region") == {"(none)": [3, 6], "1": [4, 5], "b": [1, 2], "a": [0]}


@pytest.mark.parametrize(
    ("parts", "source"),
    [
        pytest.param({"test": {"source": "pvc://d/t.csv"}}, "dataset.test", id="test data"),
        pytest.param({"test": {"fraction": 0.2}}, "dataset.train", id="a part held out"),
        pytest.param(
            {"validation": {"source": "pvc://d/v.csv"}}, "dataset.validation", id="validation data"
        ),
        pytest.param({}, "dataset.train", id="validation held out"),
    ],
)
def test_only_the_rows_to_judge_by_must_have_the_columns(
    parts: dict[str, Any], source: str
) -> None:
    dataset = a_dataset(**parts)
    needs = ask_for_columns(
        TEXT_CLASSIFICATION.find_needs(dataset), dataset, Slices(columns=["region"])
    )

    asked = [c for c in needs.columns if c.name == "region"]

    assert [c.source for c in asked] == [source]
    assert set(asked) <= set(needs.of_source(source).columns)
    assert not set(asked) & set(needs.of_source("evaluation.forgetting").columns)


def test_without_groups_nothing_is_asked_for() -> None:
    needs = TEXT_CLASSIFICATION.find_needs(a_dataset())

    assert ask_for_columns(needs, a_dataset(), None) is needs


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(["a"] * 9, "every test row has the region 'a'", id="one group"),
        pytest.param(list(range(30)), "30 different values in 30 test rows", id="one for each row"),
        pytest.param(
            list(range(501)) * 3, "501 different values in 1503 test rows", id="too many groups"
        ),
    ],
)
def test_columns_that_make_no_groups_are_refused(values: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        check_columns(with_values(*values), Slices(columns=["region"]))

    assert caught.value.hint


def test_groups_too_small_to_be_compared_are_warned_of() -> None:
    part = with_values(*["a"] * 30, *["b"] * 5)

    warnings = check_columns(part, Slices(columns=["region"]))

    assert len(warnings) == 1
    assert "only 1 groups of 'region' have evaluation.slices.minimumRows, 20" in warnings[0]
    assert check_columns(part, Slices(columns=["region"], minimum_rows=5)) == []


def test_a_limit_that_can_never_be_broken_is_refused() -> None:
    part = with_values(*["a"] * 30, *["b"] * 5)

    with pytest.raises(DataError, match="maximumGap would let every model pass"):
        check_columns(part, Slices(columns=["region"], maximum_gap=0.1))


GROUPS = [
    Group("north", 50, {"f1": 0.9, "loss": 0.2}),
    Group("south", 30, {"f1": 0.6, "loss": 0.9}),
    Group("island", 3, {"f1": 0.1, "loss": 3.0}),
]


@pytest.mark.parametrize(
    ("metric", "best", "worst", "gap"),
    [
        pytest.param("f1", "north", "south", 0.3, id="more is better"),
        pytest.param("loss", "north", "south", 0.7, id="less is better"),
    ],
)
def test_the_gap_is_between_the_best_and_the_worst_group_of_enough_rows(
    metric: Any, best: str, worst: str, gap: float
) -> None:
    found = find_gap("region", GROUPS, metric, minimum_rows=20)

    assert found is not None
    assert (found.best, found.worst, found.gap) == (best, worst, pytest.approx(gap))


def test_one_group_of_enough_rows_has_no_gap() -> None:
    assert find_gap("region", GROUPS, "f1", minimum_rows=40) is None


def test_every_group_is_written_down_with_its_rows() -> None:
    part = with_values("a", "a", "b")
    groups = {"region": measure_groups(part, "region", lambda rows: {"f1": len(rows) / 10})}

    written = describe_groups(groups, [])

    assert written["region"]["groups"] == [
        {"value": "a", "n": 2, "metrics": {"f1": 0.2}},
        {"value": "b", "n": 1, "metrics": {"f1": 0.1}},
    ]
