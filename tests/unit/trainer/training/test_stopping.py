from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_api.v1alpha1.training import EarlyStopping
from finetune_trainer.training.stopping import (
    Policy,
    StoppingState,
    StopReason,
    count_patience,
    judge,
)

F1 = Policy(metric="f1", greater_is_better=True, patience=2)
LOSS = replace(F1, metric="loss", greater_is_better=False)
NAN = float("nan")


def follow(policy: Policy, values: list[float], maximum_steps: int = 10**6) -> StoppingState:
    """Evaluate every ten steps, of a second each, until the values end or the run stops."""
    state = StoppingState()
    for number, value in enumerate(values, start=1):
        state = judge(policy, state, value, 10 * number, maximum_steps, 10.0 * number)
        if state.stopped:
            break
    return state


@pytest.mark.parametrize(
    ("policy", "values", "reason", "step"),
    [
        pytest.param(F1, [0.5, 0.6, 0.7], None, None, id="better and better goes on"),
        pytest.param(F1, [0.7, 0.6, 0.5], "NoImprovement", 30, id="two misses stop"),
        pytest.param(F1, [0.7, 0.7, 0.7], "NoImprovement", 30, id="as good is not better"),
        pytest.param(F1, [0.7, 0.6, 0.8, 0.7], None, None, id="a gain gives patience back"),
        pytest.param(LOSS, [0.5, 0.4, 0.3], None, None, id="a loss must fall"),
        pytest.param(LOSS, [0.5, 0.6, 0.7], "NoImprovement", 30, id="a rising loss stops"),
        pytest.param(F1, [0.5, NAN, NAN], "NoImprovement", 30, id="no number is a miss"),
        pytest.param(F1, [NAN, 0.5, 0.4, 0.3], "NoImprovement", 40, id="no number is no reference"),
        pytest.param(
            replace(F1, min_delta=0.1),
            [0.50, 0.55, 0.58],
            "NoImprovement",
            30,
            id="gains below minDelta are misses",
        ),
        pytest.param(
            replace(F1, min_delta=0.1, patience=3),
            [0.50, 0.57, 0.64, 0.71],
            None,
            None,
            id="small gains add up against the same reference",
        ),
        pytest.param(
            replace(F1, min_delta=0.1),
            [0.5, 0.6, 0.6],
            "NoImprovement",
            30,
            id="a gain of exactly minDelta is none",
        ),
        pytest.param(
            replace(F1, warmup_evaluations=3),
            [0.7, 0.6, 0.5, 0.4, 0.3],
            "NoImprovement",
            50,
            id="the first evaluations are not counted",
        ),
        pytest.param(
            replace(F1, target=0.9), [0.5, 0.9], "TargetReached", 20, id="the target is reached"
        ),
        pytest.param(
            replace(LOSS, target=0.2), [0.5, 0.1], "TargetReached", 20, id="a loss below its target"
        ),
        pytest.param(
            replace(F1, target=0.9, warmup_evaluations=5),
            [0.95],
            "TargetReached",
            10,
            id="the target counts from the first evaluation",
        ),
        pytest.param(
            replace(LOSS, target=0.2), [0.5, 0.3], None, None, id="a loss above its target goes on"
        ),
        pytest.param(
            replace(LOSS, target=0.2), [0.2], "TargetReached", 10, id="a loss at its target"
        ),
        pytest.param(
            replace(F1, time_budget_seconds=25),
            [0.5, 0.6, 0.7, 0.8],
            "TimeBudget",
            30,
            id="the evaluation after the budget is the last",
        ),
        pytest.param(
            replace(F1, time_budget_seconds=30),
            [0.7, 0.6, 0.5],
            "NoImprovement",
            30,
            id="out of patience and of time: patience says more",
        ),
        pytest.param(
            replace(F1, time_budget_seconds=10, target=0.5),
            [0.5],
            "TargetReached",
            10,
            id="at the target and out of time: the target says more",
        ),
        pytest.param(
            replace(F1, enabled=False, time_budget_seconds=10),
            [0.5, 0.6],
            None,
            None,
            id="a budget that is turned off",
        ),
        pytest.param(replace(F1, enabled=False), [0.9, 0.5, 0.4, 0.3], None, None, id="turned off"),
    ],
)
def test_when_training_stops(
    policy: Policy, values: list[float], reason: str | None, step: int | None
) -> None:
    state = follow(policy, values)

    assert (state.stopped, state.stopped_step) == (reason, step)


def test_the_last_step_is_an_end_and_not_a_stop() -> None:
    state = follow(F1, [0.7, 0.6, 0.5], maximum_steps=30)

    assert state.stopped is None


@pytest.mark.parametrize(
    ("values", "left"),
    [
        pytest.param([0.5], 2, id="at the start"),
        pytest.param([0.5, 0.4], 1, id="after a miss"),
        pytest.param([0.5, 0.4, 0.3], 0, id="at the end"),
    ],
)
def test_patience_counts_down(values: list[float], left: int) -> None:
    assert count_patience(F1, follow(F1, values)) == left


def test_patience_is_not_counted_when_it_is_off() -> None:
    assert count_patience(replace(F1, enabled=False), StoppingState(misses=9)) is None


def test_the_direction_follows_from_the_metric() -> None:
    assert not Policy.of(EarlyStopping(metric="loss")).greater_is_better
    assert Policy.of(EarlyStopping(metric="mcc")).greater_is_better
    assert Policy.of(EarlyStopping(metric="mcc", time_budget_seconds=60)).time_budget_seconds == 60


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=30), cut=st.integers(0, 29))
def test_a_run_that_is_interrupted_stops_where_it_would_have(values: list[float], cut: int) -> None:
    whole = follow(F1, values)
    resumed = StoppingState()
    for number, value in enumerate(values, start=1):
        if number == cut + 1:
            resumed = replace(resumed)  # all that there is travels in the checkpoint
        resumed = judge(F1, resumed, value, 10 * number, 10**6)
        if resumed.stopped:
            break

    assert resumed == whole


@given(values=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_a_stop_for_want_of_improvement_comes_exactly_patience_after_the_last_gain(
    values: list[float],
) -> None:
    state = follow(F1, values)

    if state.stopped is StopReason.NO_IMPROVEMENT:
        seen = values[: state.evaluations]
        last_gain = max(i for i, v in enumerate(seen) if all(v > before for before in seen[:i]))
        assert state.evaluations - 1 - last_gain == F1.patience
