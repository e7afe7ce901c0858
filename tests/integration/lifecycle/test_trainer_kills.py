"""Signals to the trainer: what was learned is kept, and no end is mistaken for a success."""

import signal

import pytest

from lifecycle_stack import Stack, build_spec


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGKILL, id="killed by the kernel"),
        pytest.param(signal.SIGTERM, id="told to stop", marks=pytest.mark.slow),
    ],
)
def test_a_trainer_that_ends_early_goes_on_from_its_checkpoint(
    stack: Stack, number: signal.Signals
) -> None:
    stack.start_operator()
    stack.create()
    stack.wait_for_step(60)

    stack.signal_trainer(number)
    status = stack.wait_for_state("Succeeded")

    assert status.attempts is not None
    assert (status.attempts.started, status.attempts.failed) == (2, 1)
    assert (status.attempts.resumed_from_step or 0) >= 25
    first = stack.find_job("reviews-1")
    assert first is not None
    assert not first["status"].get("succeeded")
    assert [job["metadata"]["name"] for job in stack.list_jobs()] == ["reviews-1", "reviews-2"]


def test_patience_survives_the_kill_of_a_trainer(stack: Stack) -> None:
    stack.start_operator()
    stack.create(
        # At this rate nothing is learnt: the first evaluation, at 200, stays the best one.
        training={**build_spec()["training"], "maxSteps": 4000, "learningRate": 1e-12},
        earlyStopping={"metric": "accuracy", "patience": 3},
        evaluation={"every": "Steps", "everySteps": 200},
        checkpoints={"every": "Steps", "everySteps": 100},
    )
    stack.wait_for_step(450)

    stack.signal_trainer(signal.SIGKILL)
    status = stack.wait_for_state("EarlyStopped")

    assert status.attempts is not None
    assert status.attempts.failed == 1
    assert (status.attempts.resumed_from_step or 0) >= 400
    assert status.early_stopping is not None
    assert (status.early_stopping.best_step, status.early_stopping.stopped_step) == (200, 800)


def test_a_suspended_job_goes_on_from_its_checkpoint(stack: Stack) -> None:
    stack.start_operator()
    stack.create()
    stack.wait_for_step(60)

    stack.patch("reviews", {"suspend": True})
    stack.wait_for_state("Suspended")
    stack.patch("reviews", {"suspend": False})
    status = stack.wait_for_state("Succeeded")

    assert status.attempts is not None
    assert (status.attempts.started, status.attempts.failed) == (1, 0)
    assert (status.attempts.resumed_from_step or 0) >= 25


def test_a_job_that_stops_getting_better_is_stopped_early(stack: Stack) -> None:
    stack.start_operator()

    stack.create(
        earlyStopping={"metric": "accuracy", "patience": 1, "target": 0.5},
        evaluation={"every": "Steps", "everySteps": 25},
    )
    status = stack.wait_for_state("EarlyStopped")

    conditions = {c.type: (c.status, c.reason) for c in status.conditions}
    assert conditions["EarlyStopped"][0] == "True"
    assert conditions["Complete"][0] == "True"
    assert conditions["Finished"] == ("True", "EarlyStopped")
    assert status.early_stopping is not None
    assert (status.early_stopping.steps_saved or 0) > 0
