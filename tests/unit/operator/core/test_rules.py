"""What a job needs next: one test for each branch of the policy."""

from typing import Any

import pytest

from finetune_api.v1alpha1.status import EarlyStoppingStatus
from finetune_operator.core import reasons
from finetune_operator.core.plan import Launch, Plan, Removal
from finetune_operator.core.rules import decide
from operator_builders import (
    NOW,
    a_job,
    a_report,
    a_rival,
    a_running_job,
    an_outcome,
)


def condition(plan: Plan, kind: str) -> tuple[str, str] | None:
    found = (c for c in plan.status.conditions if c.type == kind)
    return next(((c.status, c.reason) for c in found), None)


def test_a_new_job_gets_its_first_attempt() -> None:
    plan = decide(a_job().facts())

    assert plan.launch == Launch(1, "finetune-trainer:latest")


def test_a_running_pod_makes_a_running_job() -> None:
    plan = decide(a_job().with_attempt().with_pod().facts())

    assert plan.status.state == "Running"
    assert condition(plan, "Running") == ("True", "Running")
    assert condition(plan, "Finished") == ("False", "Running")
    assert plan.status.job_name == "reviews-1"


def test_nothing_that_is_there_is_made_again() -> None:
    assert not decide(a_running_job().facts()).changes_children


def test_a_settled_look_changes_nothing() -> None:
    facts = a_running_job().facts()

    assert decide(facts).status == facts.before


def test_config_hash_and_seed_are_frozen_with_the_first_attempt() -> None:
    resolved = decide(a_running_job().facts()).status.resolved

    assert resolved is not None
    assert resolved.seed == 42
    assert len(resolved.config_hash or "") == 64


# --- good ends -----------------------------------------------------------------------------------


def test_success_needs_the_job_and_the_outcome() -> None:
    job = a_job().with_attempt().with_pod(exit_code=0, message=an_outcome()).completed()

    plan = decide(job.facts())

    assert plan.status.state == "Succeeded"
    assert condition(plan, "Complete") == ("True", "Succeeded")
    assert condition(plan, "Finished") == ("True", "Succeeded")
    assert condition(plan, "Failed") is None


def test_an_early_stop_is_a_success_that_says_so() -> None:
    stopping = EarlyStoppingStatus(
        metric="f1", stopped=True, stopped_step=300, reason="NoImprovement"
    )
    message = an_outcome(report=a_report(early_stopping=stopping))

    plan = decide(a_job().with_attempt().with_pod(exit_code=0, message=message).completed().facts())

    assert plan.status.state == "EarlyStopped"
    assert condition(plan, "EarlyStopped") == ("True", "EarlyStopped")
    assert condition(plan, "Complete") == ("True", "EarlyStopped")
    assert condition(plan, "Finished") == ("True", "EarlyStopped")


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("", id="without a word"),
        pytest.param(
            an_outcome(exit_code=143, succeeded=False, reason="Terminated"), id="told to stop"
        ),
    ],
)
def test_exit_code_zero_alone_is_no_success(message: str) -> None:
    job = a_job().with_attempt().with_pod(exit_code=0, message=message).completed()

    plan = decide(job.facts())

    assert condition(plan, "Failed") == ("True", reasons.FALSE_SUCCESS)


def test_a_completed_job_whose_pod_seems_to_run_is_looked_at_again() -> None:
    plan = decide(a_running_job().completed().facts())

    assert plan.refresh
    assert plan.status.state == "Running"


def test_a_completed_job_without_its_pod_is_a_lost_result() -> None:
    plan = decide(a_job().with_attempt().completed().confirmed().facts())

    assert condition(plan, "Failed") == ("True", reasons.RESULT_LOST)


# --- attempts that fail --------------------------------------------------------------------------


def test_a_permanent_failure_ends_the_job_at_once() -> None:
    plan = decide(a_job().with_attempt().with_pod(exit_code=65).failed().facts())

    assert plan.status.state == "Failed"
    assert plan.status.failure is not None
    assert plan.status.failure.exit_code == 65
    assert plan.status.attempts is not None
    assert plan.status.attempts.failed == 1


def test_a_failure_that_may_pass_is_retried_after_a_pause() -> None:
    job = a_job().with_attempt().with_pod(exit_code=75).failed(at=NOW - 4)

    plan = decide(job.facts())

    assert plan.launch is None
    assert plan.recheck_seconds == 6
    assert condition(plan, "Finished") == ("False", reasons.RETRYING)


def test_after_the_pause_the_next_attempt_is_made() -> None:
    job = a_job().with_attempt().with_pod(exit_code=75).failed(at=NOW - 10)

    plan = decide(job.facts())

    assert plan.launch is not None
    assert plan.launch.number == 2


@pytest.mark.parametrize(
    ("number", "pause"),
    [
        pytest.param(1, 10, id="the first repetition waits as the spec says"),
        pytest.param(2, 20, id="the second waits twice as long"),
        pytest.param(8, 600, id="no pause is longer than ten minutes"),
    ],
)
def test_the_pause_doubles_up_to_a_cap(number: int, pause: int) -> None:
    job = a_job().with_spec(retries={"maximum": 20}).with_attempt(number)

    plan = decide(job.with_pod(exit_code=75).failed().facts())

    assert plan.recheck_seconds == pause


def test_the_last_allowed_attempt_fails_the_job() -> None:
    job = a_job().with_spec(retries={"maximum": 1}).with_attempt(1).failed().with_attempt(2)

    plan = decide(job.with_pod(exit_code=75).failed(at=NOW - 100).facts())

    assert condition(plan, "Failed") == ("True", "TransientDownload")
    assert "attempt 2 of 2" in plan.status.failure.message if plan.status.failure else False


def test_attempt_numbers_are_never_used_twice() -> None:
    job = a_running_job().without_attempts()

    plan = decide(job.facts())

    assert plan.refresh
    assert plan.launch is None


def test_a_job_whose_batch_job_is_gone_failed_with_a_lost_result() -> None:
    job = a_running_job().without_attempts()

    plan = decide(job.confirmed().facts())

    assert condition(plan, "Failed") == ("True", reasons.RESULT_LOST)


# --- preemption ----------------------------------------------------------------------------------


def test_a_preempted_pod_is_counted_as_preempted_and_not_as_failed() -> None:
    job = a_running_job().without_attempts()
    job.with_attempt().with_pod(disrupted="PreemptionByScheduler", exit_code=143)

    plan = decide(job.facts())

    assert plan.status.attempts is not None
    assert (plan.status.attempts.failed, plan.status.attempts.preempted) == (0, 1)
    assert condition(plan, "Finished") == ("False", reasons.PREEMPTED)
    assert plan.launch is None


def test_a_preempted_pod_is_counted_once() -> None:
    job = a_running_job().without_attempts()
    job.with_attempt().with_pod(disrupted="PreemptionByScheduler", exit_code=143).seen_again()

    plan = decide(job.with_pod().facts())

    assert plan.status.attempts is not None
    assert plan.status.attempts.preempted == 1
    assert plan.status.state == "Running"


def test_a_pod_that_vanished_inside_its_attempt_was_taken_by_the_cluster() -> None:
    job = a_running_job().without_attempts()

    plan = decide(job.with_attempt().facts())

    assert plan.status.attempts is not None
    assert plan.status.attempts.preempted == 1


# --- what keeps a pod from starting --------------------------------------------------------------


def test_an_unschedulable_pod_queues_and_says_what_is_missing() -> None:
    text = "0/3 nodes are available: 3 Insufficient nvidia.com/gpu."

    plan = decide(a_job().with_attempt().with_pod(unschedulable=text).facts())

    assert plan.status.state == "Queued"
    assert condition(plan, "Queued") == ("True", reasons.UNSCHEDULABLE)
    assert "gpusPerNode: 0" in plan.status.conditions[1].message


def test_a_missing_image_is_waited_for_until_the_start_timeout() -> None:
    job = a_job().with_attempt().with_pod(waiting="ImagePullBackOff", scheduled_at=NOW - 100)

    plan = decide(job.facts())

    assert condition(plan, "Finished") == ("False", reasons.IMAGE_PULL_FAILED)
    assert plan.recheck_seconds == 500


def test_an_image_that_never_comes_fails_the_job() -> None:
    job = a_job().with_attempt().with_pod(waiting="ImagePullBackOff", scheduled_at=NOW - 600)

    assert condition(decide(job.facts()), "Failed") == ("True", reasons.IMAGE_PULL_FAILED)


def test_an_impossible_image_name_fails_the_job_at_once() -> None:
    plan = decide(a_job().with_attempt().with_pod(waiting="InvalidImageName").facts())

    assert condition(plan, "Failed") == ("True", reasons.INVALID_IMAGE_NAME)


def test_the_two_words_of_a_kubelet_for_one_missing_image_are_one_status() -> None:
    job = a_job().with_attempt().with_pod(waiting="ErrImagePull").seen_again()
    job.without_attempts().with_attempt().with_pod(waiting="ImagePullBackOff")

    assert decide(job.facts()).status == job.facts().before


def test_a_pod_that_is_slow_to_start_has_its_config_looked_after() -> None:
    job = a_job().with_attempt().with_pod(waiting="ContainerCreating", scheduled_at=NOW - 61)

    plan = decide(job.facts())

    assert plan.launch is not None
    assert plan.launch.is_repair
    assert plan.recheck_seconds == 60


# --- refusals ------------------------------------------------------------------------------------


def test_an_invalid_stored_spec_is_said_and_not_acted_on() -> None:
    plan = decide(a_job().with_spec(task="Levitation").facts())

    assert condition(plan, "Accepted") == ("False", reasons.INVALID_SPEC)
    assert condition(plan, "Finished") == ("False", reasons.INVALID_SPEC)
    assert "spec.task" in plan.status.conditions[0].message
    assert not plan.changes_children


@pytest.mark.parametrize(
    ("image", "prefixes", "is_refused"),
    [
        pytest.param("evil/x:1", (), True, id="a foreign image is refused"),
        pytest.param("evil/x:1", ("ghcr.io/us/",), True, id="one without an allowed prefix too"),
        pytest.param("ghcr.io/us/x:1", ("ghcr.io/us/",), False, id="an allowed prefix passes"),
        pytest.param("finetune-trainer:latest", (), False, id="the platform's own passes"),
    ],
)
def test_images_are_the_platforms_choice(
    image: str, prefixes: tuple[str, ...], is_refused: bool
) -> None:
    job = a_job().with_spec(image=image).allowing(allowed_image_prefixes=prefixes)

    plan = decide(job.facts())

    assert (plan.launch is None) == is_refused
    refusal = ("False", reasons.IMAGE_NOT_ALLOWED)
    assert (condition(plan, "Accepted") == refusal) == is_refused


@pytest.mark.parametrize(
    ("path", "rival", "is_refused"),
    [
        pytest.param("model", {}, True, id="the same folder is refused to the younger"),
        pytest.param("model/deep", {}, True, id="a folder inside too"),
        pytest.param("", {}, True, id="the root holds every folder"),
        pytest.param("models", {}, False, id="a name that only begins alike is another folder"),
        pytest.param("model", {"created_at": NOW}, False, id="the older keeps it"),
        pytest.param(
            "model", {"created_at": NOW, "has_begun": True}, True, id="who began keeps it"
        ),
    ],
)
def test_two_jobs_never_write_to_one_place(
    path: str, rival: dict[str, Any], is_refused: bool
) -> None:
    job = a_job().with_spec(output={"destination": "pvc://shared/model"})

    plan = decide(job.beside(a_rival(path=path, **rival)).facts())

    refusal = ("False", reasons.OUTPUT_IN_USE)
    assert (condition(plan, "Accepted") == refusal) == is_refused
    assert (plan.status.state == "Failed") == is_refused


def test_a_final_obstacle_fails_the_job_with_its_words() -> None:
    plan = decide(a_job().hindered_by(reasons.CHILD_REFUSED, "spec.x: bad", is_final=True).facts())

    assert condition(plan, "Failed") == ("True", reasons.CHILD_REFUSED)
    assert plan.status.failure is not None
    assert plan.status.failure.message == "spec.x: bad"


def test_an_obstacle_that_may_pass_is_said_and_waited_for() -> None:
    plan = decide(a_job().hindered_by(reasons.QUOTA_EXCEEDED).facts())

    assert condition(plan, "Finished") == ("False", reasons.QUOTA_EXCEEDED)
    assert plan.launch is None


# --- suspension ----------------------------------------------------------------------------------


def test_a_job_that_is_born_suspended_starts_nothing() -> None:
    plan = decide(a_job().with_spec(suspend=True).facts())

    assert plan.status.state == "Suspended"
    assert not plan.changes_children


def test_suspending_stops_the_running_attempt_and_notes_its_time() -> None:
    plan = decide(a_running_job().with_spec(suspend=True).facts())

    assert plan.suspension is not None
    assert plan.suspension.is_suspended
    assert plan.suspension.active_seconds == 60


def test_a_suspended_attempt_is_not_suspended_again() -> None:
    job = a_running_job().with_spec(suspend=True).seen_again()

    assert decide(job.facts()).suspension is None


def test_resuming_goes_on_with_the_same_attempt_and_the_rest_of_its_time() -> None:
    job = a_job().with_spec(suspend=True, activeDeadlineSeconds=100)
    job.with_attempt(suspended=True, active_seconds=60).seen_again().with_spec(suspend=False)

    plan = decide(job.facts())

    assert plan.suspension is not None
    assert not plan.suspension.is_suspended
    assert plan.suspension.deadline_seconds == 40
    assert plan.launch is None


def test_a_failed_attempt_of_a_suspended_job_waits_for_the_user() -> None:
    job = a_job().with_spec(suspend=True).with_attempt().with_pod(exit_code=75)

    plan = decide(job.failed(at=NOW - 1000).facts())

    assert plan.status.state == "Suspended"
    assert plan.launch is None


def test_a_job_that_kueue_holds_is_queued() -> None:
    plan = decide(a_job().in_queue("gpus").with_attempt(suspended=True).facts())

    assert condition(plan, "Queued") == ("True", reasons.WAITING_FOR_ADMISSION)
    assert "gpus" in plan.status.conditions[1].message
    assert plan.suspension is None


def test_resuming_a_queued_job_is_left_to_kueue() -> None:
    job = a_job().in_queue().with_spec(suspend=True).with_attempt(suspended=True).seen_again()

    plan = decide(job.with_spec(suspend=False).facts())

    assert plan.suspension is None
    assert plan.status.state == "Queued"


# --- deadlines, ends and what comes after ---------------------------------------------------------


def test_the_first_attempt_has_the_whole_deadline() -> None:
    plan = decide(a_job().with_spec(activeDeadlineSeconds=100).facts())

    assert plan.launch is not None
    assert plan.launch.deadline_seconds == 100


def test_the_next_attempt_has_what_the_first_one_left() -> None:
    job = a_job().with_spec(activeDeadlineSeconds=100).with_attempt(started_at=NOW - 60)

    plan = decide(job.with_pod(exit_code=75).failed(at=NOW - 20).facts())

    assert plan.launch is not None
    assert plan.launch.deadline_seconds == 60


def test_no_attempt_follows_when_the_time_is_used_up() -> None:
    job = a_job().with_spec(activeDeadlineSeconds=30).with_attempt(started_at=NOW - 60)

    plan = decide(job.with_pod(exit_code=75).failed(at=NOW - 20).facts())

    assert condition(plan, "Failed") == ("True", reasons.DEADLINE_EXCEEDED)


def test_a_finished_job_is_never_changed() -> None:
    job = a_job().with_attempt().with_pod(exit_code=0, message=an_outcome()).completed()
    job.seen_again().without_attempts()

    plan = decide(job.facts())

    assert plan.status == job.facts().before
    assert not plan.changes_children


def test_what_still_runs_of_a_failed_job_is_removed() -> None:
    job = a_job().with_attempt().with_pod(waiting="InvalidImageName").seen_again()

    assert decide(job.facts()).removals == (Removal("reviews-1", "batch-1"),)


def test_a_finished_job_is_deleted_when_its_time_to_live_is_over() -> None:
    job = a_job().with_spec(ttlSecondsAfterFinished=100).with_attempt()
    job.with_pod(exit_code=0, message=an_outcome()).completed(at=NOW).seen_again()

    waiting, over = decide(job.facts()), decide(job.at(NOW + 100).facts())

    assert (waiting.is_expired, waiting.recheck_seconds) == (False, 100)
    assert over.is_expired


def test_a_job_that_is_being_deleted_is_left_alone() -> None:
    plan = decide(a_job().deleted().facts())

    assert not plan.changes_children
    assert plan.status.state is None
