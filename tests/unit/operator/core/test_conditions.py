"""Conditions, events and patches: what moves, when, and how little is written."""

from finetune_api.v1alpha1.status import Resolved
from finetune_operator.core import reasons
from finetune_operator.core.notices import list_notices
from finetune_operator.core.patches import build_merge_patch
from finetune_operator.core.rules import decide
from finetune_operator.core.times import format_time
from operator_builders import NOW, a_job, a_running_job, an_outcome


def test_known_conditions_are_there_from_the_first_look_on() -> None:
    status = decide(a_job().with_attempt().facts()).status

    kinds = [condition.type for condition in status.conditions]
    assert kinds == ["Accepted", "Queued", "Suspended", "Running", "Finished"]


def test_a_transition_time_moves_only_with_the_status() -> None:
    job = a_running_job()
    job.raw["metadata"]["generation"] = 2

    plan = decide(job.at(NOW + 100).facts())

    assert {c.last_transition_time for c in plan.status.conditions} == {format_time(NOW)}
    assert {c.observed_generation for c in plan.status.conditions} == {2}


def test_a_patch_holds_only_what_differs() -> None:
    before = {"a": 1, "b": {"c": 2, "d": 3}, "e": [1], "gone": True}
    after = {"a": 1, "b": {"c": 2, "d": 4}, "e": [1]}

    assert build_merge_patch(before, after) == {"b": {"d": 4}, "gone": None}
    assert build_merge_patch(after, after) == {}


def test_a_whole_life_is_told_in_two_events() -> None:
    running = a_running_job()
    first = list_notices(a_job().facts().before, running.facts().before)
    ended = running.without_attempts().with_attempt().with_pod(exit_code=0, message=an_outcome())

    last = decide(ended.completed().facts()).notices

    assert [n.reason for n in (*first, *last)] == [reasons.ATTEMPT_CREATED, reasons.SUCCEEDED]
    assert not any(n.is_warning for n in (*first, *last))


def test_a_broken_checkpoint_is_told_once_as_a_warning() -> None:
    warning = "CheckpointCorrupt: checkpoint-8 is not used: optimizer.pt is missing"
    before = a_running_job().facts().before
    resolved = Resolved(warnings=["the warm-up is long", warning])
    after = before.model_copy(update={"resolved": resolved})

    (notice,) = list_notices(before, after)

    assert (notice.reason, notice.is_warning) == ("CheckpointCorrupt", True)
    assert notice.message == "checkpoint-8 is not used: optimizer.pt is missing"
    assert list_notices(after, after) == ()


def test_a_failure_is_a_warning() -> None:
    (notice,) = decide(
        a_running_job().without_attempts().with_attempt().with_pod(exit_code=65).failed().facts()
    ).notices

    assert (notice.reason, notice.is_warning) == ("BadData", True)


def test_resuming_is_told() -> None:
    job = a_job().with_spec(suspend=True).with_attempt(suspended=True).seen_again()
    job.without_attempts().with_spec(suspend=False).with_attempt().with_pod()

    assert [n.reason for n in decide(job.facts()).notices] == [reasons.RESUMED]


def test_a_status_stays_small() -> None:
    job = a_running_job().reporting(
        step=200,
        maximum_steps=1000,
        history=tuple({"step": s, "loss": 1 / 3, "evaluationLoss": 2 / 3} for s in range(200)),
    )

    status = decide(job.facts()).status

    assert len(status.history) == 50
    assert len(status.model_dump_json()) < 16 * 1024
