"""kill -9 of the operator at any moment: the same end, one Job, nothing twice."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from lifecycle_stack import Stack
from polling import poll

QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "no-jobs"},
    "spec": {"hard": {"count/jobs.batch": "0"}},
}


def before_the_job(stack: Stack) -> None:
    """A quota holds the Job back: the operator has begun and cannot go on."""
    path = f"/api/v1/namespaces/{stack.namespace}/resourcequotas"
    stack.cluster.request("POST", path, QUOTA)
    poll(
        lambda: "status" in stack.cluster.request("GET", f"{path}/no-jobs"), "the quota is in force"
    )
    stack.start_operator()
    stack.create()
    poll(lambda: stack.read_status().state == "Pending", "the operator has begun")
    stack.kill_operator()
    stack.cluster.request("DELETE", f"{path}/no-jobs")


def after_the_job(stack: Stack) -> None:
    stack.start_operator()
    stack.create()
    poll(lambda: stack.find_job("reviews-1"), "the Job is there")
    stack.kill_operator()


def in_mid_training(stack: Stack) -> None:
    stack.start_operator()
    stack.create()
    stack.wait_for_step(50)
    stack.kill_operator()


def at_the_end(stack: Stack) -> None:
    """The operator is away while the trainer ends: only the termination message tells."""
    stack.start_operator()
    stack.create()
    stack.wait_for_step(100)
    stack.kill_operator()

    def has_ended() -> bool:
        job = stack.find_job("reviews-1")
        return bool(job and job["status"].get("succeeded"))

    poll(has_ended, "the Job ends without the operator", 120)


def after_the_end(stack: Stack) -> None:
    stack.start_operator()
    stack.create()
    stack.wait_for_state("Succeeded")
    stack.kill_operator()


def summarise(stack: Stack) -> str:
    """The final status less what a clock decides."""
    status = stack.wait_for_state("Succeeded")
    facts: dict[str, Any] = {
        "conditions": sorted((c.type, c.status, c.reason) for c in status.conditions),
        "attempts": status.attempts and status.attempts.model_dump(),
        "metrics": status.metrics and status.metrics.model_dump(),
        "earlyStopping": status.early_stopping and status.early_stopping.model_dump(),
        "artifacts": [a.name for a in status.artifacts],
        "checkpoint": status.checkpoint and status.checkpoint.step,
        "step": status.progress and status.progress.steps,
        "failure": status.failure,
    }
    return json.dumps(facts, sort_keys=True, indent=1)


@pytest.fixture(scope="session")
def ends() -> dict[str, str]:
    """The final statuses seen so far; all must be the same."""
    return {}


@pytest.mark.parametrize(
    "kill",
    [
        before_the_job,
        in_mid_training,
        pytest.param(after_the_job, marks=pytest.mark.slow),
        pytest.param(at_the_end, marks=pytest.mark.slow),
        pytest.param(after_the_end, marks=pytest.mark.slow),
    ],
)
def test_a_killed_operator_comes_to_the_same_end(
    stack: Stack, kill: Callable[[Stack], None], ends: dict[str, str]
) -> None:
    kill(stack)

    stack.start_operator()
    end = summarise(stack)

    assert [job["metadata"]["name"] for job in stack.list_jobs()] == ["reviews-1"]
    assert end == ends.setdefault("first", end)


def test_a_finished_job_is_left_alone_by_the_next_operator(stack: Stack) -> None:
    after_the_end(stack)
    before = stack.read()["metadata"]["resourceVersion"]

    stack.start_operator()
    stack.create("another", training={**_short(), "maxSteps": 2})
    stack.wait_for_state("Succeeded", name="another")

    assert stack.read()["metadata"]["resourceVersion"] == before


def _short() -> dict[str, Any]:
    return {"batchSize": 8, "maxLength": 32, "precision": "Float32"}
