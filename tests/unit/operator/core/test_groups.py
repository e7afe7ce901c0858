"""Jobs of several pods: when they run, of what they ended, and what counts as a failure."""

from typing import Any

import pytest

from finetune_operator.core import reasons
from finetune_operator.core.plan import Plan
from finetune_operator.core.rules import decide
from operator_builders import NOW, a_group, an_outcome

NO_GPU = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."
DISRUPTED_SAYS_THE_JOB = (
    "Pod team/reviews-1-1-b has condition DisruptionTarget matching FailJob rule at index 0"
)


def finished(plan: Plan) -> tuple[str, str, str]:
    condition = next(c for c in plan.status.conditions if c.type == "Finished")
    return condition.status, condition.reason, condition.message


def fate(plan: Plan) -> tuple[int, int, int]:
    attempts = plan.status.attempts
    assert attempts is not None
    return attempts.started, attempts.failed, attempts.preempted


# --- on the way ----------------------------------------------------------------------------------


def test_a_group_runs_when_all_its_pods_do() -> None:
    job = a_group().with_attempt().with_pod(index=1).with_pod(index=0)

    plan = decide(job.facts())

    assert plan.status.state == "Running"
    assert plan.status.pod_names == ["reviews-1-0-b", "reviews-1-1-a"]
    assert "runs in 2 pods, led by reviews-1-0-b on node node-1" in finished(plan)[2]


@pytest.mark.parametrize(
    ("pod", "state", "reason"),
    [
        pytest.param({"unschedulable": NO_GPU}, "Queued", reasons.UNSCHEDULABLE, id="no node"),
        pytest.param(
            {"waiting": "ContainerCreating"}, "Starting", reasons.POD_STARTING, id="it starts"
        ),
        pytest.param(
            {"waiting": "ImagePullBackOff"}, "Starting", reasons.IMAGE_PULL_FAILED, id="no image"
        ),
    ],
)
def test_the_pod_that_the_others_wait_for_is_named(
    pod: dict[str, Any], state: str, reason: str
) -> None:
    job = a_group(3).with_attempt().with_pod(index=0).with_pod(index=1, **pod).with_pod(index=2)

    plan = decide(job.facts())

    assert plan.status.state == state
    assert finished(plan)[1] == reason
    assert "pod reviews-1-1-b" in finished(plan)[2]
    assert "(2 of 3 pods run)" in finished(plan)[2]


def test_of_two_pods_that_do_not_start_the_one_without_hope_decides() -> None:
    job = a_group().with_attempt().with_pod(index=0, unschedulable=NO_GPU)

    plan = decide(job.with_pod(index=1, waiting="InvalidImageName").facts())

    assert finished(plan)[:2] == ("True", reasons.INVALID_IMAGE_NAME)
    assert plan.status.failure is not None
    assert plan.status.failure.pod_name == "reviews-1-1-b"


def test_a_pod_that_is_not_there_yet_is_waited_for() -> None:
    plan = decide(a_group().with_attempt().with_pod(index=0).facts())

    assert plan.status.state == "Starting"
    assert "1 of its 2 pods are there" in finished(plan)[2]


# --- how it ended --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("leader", "other", "reason", "culprit"),
    [
        pytest.param(83, 65, "BadData", 1, id="a cause before a lost peer"),
        pytest.param(143, 65, "BadData", 1, id="a cause before a pod that was told to stop"),
        pytest.param(80, 83, "CUDAOutOfMemory", 0, id="the leader is the cause"),
        pytest.param(83, 137, reasons.KILLED, 1, id="a kill before a lost peer"),
        pytest.param(143, 83, "TrainingStalled", 1, id="a lost peer before the farewell"),
        pytest.param(82, 81, "CheckpointStorageFull", 0, id="of two causes the leader's"),
    ],
)
def test_the_pod_that_the_others_followed_tells_why(
    leader: int, other: int, reason: str, culprit: int
) -> None:
    job = a_group(retries={"maximum": 0}).with_attempt()
    job.with_pod(index=0, exit_code=leader).with_pod(index=1, exit_code=other).failed()

    failure = decide(job.facts()).status.failure

    assert failure is not None
    assert (failure.reason, failure.exit_code) == (reason, (leader, other)[culprit])
    assert failure.pod_name == f"reviews-1-{culprit}-{'ab'[culprit]}"


def test_a_pod_that_the_job_had_to_kill_is_no_cause() -> None:
    job = a_group(retries={"maximum": 0}).with_attempt()
    job.with_pod(index=0, exit_code=83).with_pod(index=1, exit_code=137, is_deleting=True).failed()

    failure = decide(job.facts()).status.failure

    assert failure is not None
    assert failure.reason == "TrainingStalled"


def test_a_failure_is_told_when_every_pod_has_had_its_say() -> None:
    job = a_group().with_attempt().with_pod(index=0, exit_code=83).with_pod(index=1).failed()

    assert decide(job.facts()).refresh


def test_the_leaders_success_is_the_jobs_although_another_pod_is_gone() -> None:
    job = a_group().with_attempt().with_pod(index=0, exit_code=0, message=an_outcome()).completed()

    assert decide(job.facts()).status.state == "Succeeded"


def test_a_pod_that_dies_after_the_model_is_sealed_spoils_nothing() -> None:
    job = a_group().with_attempt().with_pod(index=0, exit_code=0, message=an_outcome())

    plan = decide(job.with_pod(index=1, exit_code=137).failed().facts())

    assert plan.status.state == "Succeeded"
    assert fate(plan) == (1, 0, 0)


def test_without_its_leader_a_completed_job_has_lost_its_result() -> None:
    job = a_group().with_attempt().with_pod(index=1, exit_code=0).completed().confirmed()

    assert finished(decide(job.facts()))[:2] == ("True", reasons.RESULT_LOST)


# --- what follows --------------------------------------------------------------------------------


def test_a_failed_attempt_is_followed_after_the_pause() -> None:
    job = a_group().with_attempt().with_pod(index=0, exit_code=83).with_pod(index=1, exit_code=75)

    early, late = job.failed(at=NOW - 4).facts(), job.failed(at=NOW - 10).facts()

    assert (decide(early).launch, decide(early).recheck_seconds) == (None, 6)
    launch = decide(late).launch
    assert launch is not None
    assert (launch.number, launch.preempted) == (2, 0)


def test_no_attempt_follows_while_a_pod_of_the_last_one_lives() -> None:
    job = (
        a_group().with_attempt().with_pod(index=0, is_deleting=True).with_pod(index=1, exit_code=75)
    )

    plan = decide(job.failed(at=NOW - 100).confirmed().facts())

    assert plan.launch is None
    assert "when pod reviews-1-0-a has ended" in finished(plan)[2]


def a_preempted_group(**spec: Any) -> Any:
    job = a_group(**spec).with_attempt().with_pod(index=0, exit_code=143)
    return job.with_pod(index=1, exit_code=143, disrupted="PreemptionByScheduler")


def test_a_pod_that_is_taken_away_is_told_of_before_the_batch_job_ends() -> None:
    plan = decide(a_preempted_group().facts())

    assert finished(plan)[:2] == ("False", reasons.PREEMPTED)
    assert "attempt 2 follows" in finished(plan)[2]
    assert fate(plan) == (1, 0, 0)


@pytest.mark.parametrize("message", ["", DISRUPTED_SAYS_THE_JOB])
def test_a_preempted_attempt_does_not_count_and_is_followed_at_once(message: str) -> None:
    job = a_preempted_group(retries={"maximum": 0, "backoffSeconds": 600})

    plan = decide(job.failed(reason="PodFailurePolicy", message=message).facts())

    assert fate(plan) == (1, 0, 1)
    assert finished(plan)[:2] == ("False", reasons.PREEMPTED)
    assert "attempt 1 was taken away" in finished(plan)[2]
    assert plan.launch is not None
    assert (plan.launch.number, plan.launch.preempted) == (2, 1)


def test_a_node_that_ran_short_is_no_fault_of_the_job() -> None:
    job = a_group(retries={"maximum": 0}).with_attempt().with_pod(index=0, exit_code=83)
    job.with_pod(index=1, reason="Evicted", disrupted="TerminationByKubelet").failed()

    assert fate(decide(job.facts())) == (1, 0, 1)


def test_a_pod_that_filled_its_disk_fails_the_job() -> None:
    job = a_group().with_attempt().with_pod(index=0, exit_code=83)
    job.with_pod(index=1, reason="Evicted", pod_message="ephemeral local storage usage").failed()

    assert finished(decide(job.facts()))[:2] == ("True", reasons.EPHEMERAL_STORAGE_EXCEEDED)


def test_a_preemption_is_believed_when_the_pod_is_gone() -> None:
    job = a_group(retries={"maximum": 0}).with_attempt().with_pod(index=0, exit_code=83)
    job.failed(reason="PodFailurePolicy", message=DISRUPTED_SAYS_THE_JOB).confirmed()

    plan = decide(job.facts())

    assert fate(plan) == (1, 0, 1)
    assert plan.launch is not None


def test_failures_are_counted_without_the_preempted_attempts() -> None:
    job = a_group(retries={"maximum": 1, "backoffSeconds": 10})
    job.with_attempt(3, preempted_before=2).with_pod(index=0, exit_code=75)
    job.with_pod(index=1, exit_code=83).failed(at=NOW - 4)

    plan = decide(job.facts())

    assert fate(plan) == (3, 1, 2)
    assert plan.recheck_seconds == 6
    assert "attempt 4 of 4 follows" in finished(plan)[2]


def test_the_gpus_of_all_pods_are_paid_for() -> None:
    job = a_group().with_attempt(started_at=NOW - 60).with_pod(index=0).with_pod(index=1)

    cost = decide(job.reporting(step=1).facts()).status.cost

    assert cost is not None
    assert cost.gpu_seconds == 60 * 2 * 4


def test_progress_is_the_leaders() -> None:
    facts = a_group().with_attempt().with_pod(index=1).with_pod(index=0).facts()

    assert facts.latest is not None
    assert facts.latest.pod is not None
    assert facts.latest.pod.name == "reviews-1-0-b"
