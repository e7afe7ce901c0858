"""Several pods that train one model: they meet, end together, and go on together."""

import signal

import pytest

from lifecycle_groups import (
    create_group,
    evict,
    list_pods,
    read_claim_modes,
    restrict,
    signal_rank,
)
from lifecycle_stack import Stack, build_spec

pytestmark = pytest.mark.slow


def test_two_pods_train_one_model(stack: Stack) -> None:
    restrict(stack)
    stack.start_operator()
    create_group(stack)
    stack.wait_for_step(1)

    running = stack.read_status()
    pods = list_pods(stack, "reviews-1")
    status = stack.wait_for_state("Succeeded")

    assert running.pod_names == [pods["0"]["metadata"]["name"], pods["1"]["metadata"]["name"]]
    condition = next(c for c in running.conditions if c.type == "Running")
    assert "attempt 1 runs in 2 pods, led by reviews-1-0-" in condition.message
    assert status.attempts is not None
    assert (status.attempts.started, status.attempts.failed) == (1, 0)
    assert status.resolved is not None
    assert status.resolved.effective_batch_size == 16
    assert status.artifacts[0].name == "model"
    assert read_claim_modes(stack, "reviews") == ["ReadWriteMany"]


def test_a_pod_whose_rank_is_killed_costs_an_attempt_that_goes_on(stack: Stack) -> None:
    stack.start_operator()
    create_group(stack)
    stack.wait_for_step(20)

    signal_rank(stack, list_pods(stack, "reviews-1")["1"], signal.SIGKILL)
    status = stack.wait_for_state("Succeeded")
    culprit = list_pods(stack, "reviews-1")["1"]

    assert status.attempts is not None
    assert (status.attempts.started, status.attempts.failed) == (2, 1)
    assert (status.attempts.resumed_from_step or 0) >= 10
    assert status.attempts.preempted == 0
    assert culprit["status"]["phase"] == "Failed"
    assert [job["metadata"]["name"] for job in stack.list_jobs()] == ["reviews-1", "reviews-2"]


def test_an_evicted_pod_ends_its_attempt_which_does_not_count(stack: Stack) -> None:
    stack.start_operator()
    create_group(stack, retries={"maximum": 0})
    stack.wait_for_step(20)

    evict(stack, list_pods(stack, "reviews-1")["1"])
    status = stack.wait_for_state("Succeeded")

    assert status.attempts is not None
    assert (status.attempts.started, status.attempts.failed) == (2, 0)
    assert status.attempts.preempted == 1
    assert (status.attempts.resumed_from_step or 0) >= 20


def test_a_suspended_group_goes_on_from_its_checkpoint(stack: Stack) -> None:
    stack.start_operator()
    create_group(stack)
    stack.wait_for_step(20)

    stack.patch("reviews", {"suspend": True})
    stack.wait_for_state("Suspended")
    stack.patch("reviews", {"suspend": False})
    status = stack.wait_for_state("Succeeded")

    assert status.attempts is not None
    assert (status.attempts.started, status.attempts.failed) == (1, 0)
    assert (status.attempts.resumed_from_step or 0) >= 10


def test_two_groups_at_once_do_not_meet_each_other(stack: Stack) -> None:
    training = {**build_spec()["training"], "maxSteps": 10}
    stack.start_operator()

    create_group(stack, "left", training=training)
    create_group(stack, "right", training={**training, "seed": 7})
    ends = [stack.wait_for_state("Succeeded", name=name) for name in ("left", "right")]

    attempts = [status.attempts for status in ends]
    assert [(a.started, a.failed) for a in attempts if a] == [(1, 0), (1, 0)]
    assert [status.resolved.seed for status in ends if status.resolved] == [42, 7]
