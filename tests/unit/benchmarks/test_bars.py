"""The bars of the trainer's benchmark: a ratio within each seed, and nothing is met unmeasured."""

import pytest

from trainer_bench.bars import judge
from trainer_bench.profiles import find_kind
from trainer_bench.results import Row, compare
from trainer_bench.schedules import plan_runs
from trainer_bench.workloads import WORKLOADS


def a_row(
    contestant: str,
    speed: float | None = 1.0,
    *,
    workload: str = "short",
    seed: int = 42,
    score: float | None = None,
    start: float = 1.0,
) -> Row:
    return Row(
        workload, contestant, seed, speed, start, 1.0, 1.0, 1, 10, score, 2000 if score else 0
    )


def test_a_ratio_is_taken_within_each_seed() -> None:
    """The machine was twice as slow in the second round, for both."""
    rows = [
        a_row("ours", 80, seed=1), a_row("padding_true", 20, seed=1),
        a_row("ours", 40, seed=2), a_row("padding_true", 10, seed=2),
        a_row("ours", 90, seed=3),
    ]  # fmt: skip
    assert compare(rows, "short", ("ours", "padding_true"), "samples_per_second") == 4


def test_what_was_not_measured_meets_no_bar() -> None:
    verdicts = judge([])
    assert not any(verdict.met for verdict in verdicts)
    assert {verdict.value for verdict in verdicts} == {None}


@pytest.mark.parametrize(
    ("ours", "theirs", "met"),
    [
        pytest.param(0.815, 0.815, True, id="equal"),
        pytest.param(0.810, 0.815, True, id="within the error of 2,000 rows"),
        pytest.param(0.800, 0.815, False, id="lower by more than that"),
        pytest.param(0.830, 0.815, True, id="higher"),
    ],
)
def test_speed_counts_at_equal_accuracy(ours: float, theirs: float, met: bool) -> None:
    rows = [a_row("ours", score=ours), a_row("padding_true", score=theirs)]
    verdict = next(v for v in judge(rows) if v.name.startswith("accuracy"))
    assert verdict.met is met


@pytest.mark.parametrize(("seconds", "met"), [(1.29, True), (1.31, False)])
def test_the_start_may_take_a_third_longer_at_most(seconds: float, met: bool) -> None:
    rows = [
        a_row("ours", None, workload="start", start=seconds),
        a_row("imports", None, workload="start", start=1.0),
    ]
    verdict = next(v for v in judge(rows) if v.name.startswith("first step"))
    assert verdict.met is met


def test_the_sides_of_a_ratio_run_one_after_the_other() -> None:
    runs = list(plan_runs(WORKLOADS, [1, 2, 3]))
    first = [run.contestant for run in runs if (run.workload, run.seed) == ("short", 1)]

    assert first == list(WORKLOADS["short"].contestants)
    assert [run.seed for run in runs] == sorted(run.seed for run in runs)


def test_a_quick_run_takes_a_few_steps_of_everything() -> None:
    runs = list(plan_runs(WORKLOADS, [1], quick=True))
    assert all(1 <= run.recipe.max_steps <= 3 for run in runs)
    assert {run.workload for run in runs} == set(WORKLOADS)


@pytest.mark.parametrize(
    ("operator", "kind"),
    [
        ("aten::addmm", "products of matrices"),
        ("mkldnn::_linear_pointwise", "products of matrices"),
        ("aten::bmm", "attention"),
        ("aten::_softmax_backward_data", "attention"),
        ("aten::random_", "dropout"),
        ("aten::_fused_adamw_", "optimizer"),
        ("aten::native_layer_norm_backward", "layer norm and activations"),
        ("aten::embedding_dense_backward", "embeddings"),
        ("aten::mm", "products of matrices"),
        ("aten::unknown", "other operators"),
    ],
)
def test_operators_belong_to_kinds_of_work(operator: str, kind: str) -> None:
    assert find_kind(operator) == kind
