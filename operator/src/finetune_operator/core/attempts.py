"""The rules about an attempt that ended: how, and whether another one follows.

`rules` puts them in order; one that goes on is followed by `starts`. Good news needs two witnesses,
the batch Job and the trainer's own outcome; bad news that could be a late watch event is confirmed
by a fresh read first.
"""

from dataclasses import replace

from finetune_api.contract.outcomes import Outcome
from finetune_api.v1alpha1.status import Failure
from finetune_operator.core import reasons
from finetune_operator.core.culprits import explain_attempt, find_culprit, was_preempted
from finetune_operator.core.deadlines import count_remaining_seconds, next_attempt_at
from finetune_operator.core.facts import Attempt, Facts
from finetune_operator.core.faults import (
    MAX_HINT,
    Fault,
    explain_deadline,
    explain_false_success,
)
from finetune_operator.core.plan import Launch, Verdict
from finetune_operator.core.records import PodRecord
from finetune_operator.core.statuses import read_outcome

REFRESH = Verdict(refresh=True, keeps_status=True)


def end_badly(
    facts: Facts,
    fault: Fault,
    *,
    pod: PodRecord | None = None,
    accepted: bool = True,
    finished_at: float | None = None,
) -> Verdict:
    """Give the verdict of a job that failed for good.

    Args:
        facts: about it.
        fault: what went wrong.
        pod: where; the one that the others followed where nothing is said.
        accepted: whether the spec is in order.
        finished_at: when, where that is known better than "now".
    """
    pod = pod or (find_culprit(facts.latest) if facts.latest else None)
    return Verdict(
        "Failed",
        fault.reason,
        fault.text,
        accepted=accepted,
        finished_at=finished_at,
        failure=Failure(
            reason=fault.reason,
            message=fault.message,
            hint=fault.hint[:MAX_HINT] or None,
            exit_code=fault.exit_code,
            pod_name=pod.name if pod else None,
            node_name=(pod.node or None) if pod else None,
        ),
    )


def report_a_lost_attempt(facts: Facts) -> Verdict | None:
    """The newest attempt's batch Job is gone, and nobody knows how it ended."""
    if facts.latest is not None:
        return None
    if not facts.is_confirmed:
        return REFRESH
    return end_badly(
        facts,
        Fault(
            reasons.RESULT_LOST,
            f"the batch Job of attempt {facts.attempts_begun} is gone and left no outcome",
            "its checkpoints stay on their volume; apply the job again under a new name",
        ),
    )


def settle_the_outcome(facts: Facts) -> Verdict | None:
    """The batch Job ended: say how, and whether another attempt follows."""
    latest = facts.latest
    ending = latest.record.ending if latest else None
    if latest is None or ending is None:
        return None
    if not facts.is_confirmed and not _has_last_words(facts, latest):
        return REFRESH  # the Job's news was faster than the pods'
    fault = explain_attempt(latest)
    if fault is None or _is_done_by_its_leader(facts, latest):
        return _settle_success(facts, latest)
    return _settle_failure(facts, latest, fault)


def _has_last_words(facts: Facts, attempt: Attempt) -> bool:
    """Tell whether all pods ended that may say how the attempt did: of a good end the leader."""
    is_good = attempt.record.ending is not None and attempt.record.ending.succeeded
    speakers = (attempt.pod,) if is_good else attempt.members
    return len(speakers) == (1 if is_good else facts.nodes) and all(map(_is_over, speakers))


def _is_over(pod: PodRecord | None) -> bool:
    return pod is not None and pod.is_over and (pod.termination is not None or pod.reason != "")


def _is_done_by_its_leader(facts: Facts, attempt: Attempt) -> bool:
    """Tell whether the model is sealed although the batch Job failed: another pod died after it.

    The kubelet and the leader's own outcome are the two witnesses.
    """
    leader, outcome = attempt.pod, read_outcome(facts)
    return (
        facts.nodes > 1
        and leader is not None
        and leader.phase == "Succeeded"
        and outcome is not None
        and outcome.succeeded
    )


def _settle_success(facts: Facts, latest: Attempt) -> Verdict:
    at = latest.record.ending.at if latest.record.ending else facts.now
    outcome = read_outcome(facts)
    if outcome is not None and outcome.succeeded:
        return _end_well(facts, outcome, at)
    if latest.pod is None:
        fault = Fault(
            reasons.RESULT_LOST,
            "the pod was deleted before its outcome could be read",
            "see status.artifacts' claim for the model, or apply the job under a new name",
        )
        return end_badly(facts, fault, finished_at=at)
    return end_badly(facts, explain_false_success(), finished_at=at)


def _end_well(facts: Facts, outcome: Outcome, at: float) -> Verdict:
    report = outcome.report
    stopping = report.early_stopping if report else None
    if stopping is None and facts.report is not None:
        stopping = facts.report.report.early_stopping
    stopping = stopping or facts.before.early_stopping
    if stopping is not None and stopping.stopped:
        step = f" at step {stopping.stopped_step}" if stopping.stopped_step is not None else ""
        message = f"training stopped{step} ({stopping.reason or 'NoImprovement'}): the best model"
        message += f" by {stopping.metric} is kept"
        return Verdict("EarlyStopped", reasons.EARLY_STOPPED, message, finished_at=at)
    message = "training, test and export are done"
    return Verdict("Succeeded", reasons.SUCCEEDED, message, finished_at=at)


def _settle_failure(facts: Facts, latest: Attempt, fault: Fault) -> Verdict:
    at = latest.record.ending.at if latest.record.ending else facts.now
    is_preempted = was_preempted(facts, latest)
    allowed = facts.spec.retries.maximum + 1 + latest.record.preempted_before + is_preempted
    if not fault.is_retried:
        return end_badly(facts, fault, finished_at=at)
    if latest.number >= allowed:
        tried = f" (attempt {latest.number} of {allowed})" if allowed > 1 else ""
        exhausted = Fault(
            fault.reason, fault.message + tried, fault.hint, exit_code=fault.exit_code
        )
        return end_badly(facts, exhausted, finished_at=at)
    remaining = count_remaining_seconds(facts, facts.attempts)
    if remaining is not None and remaining <= 0:
        return end_badly(facts, explain_deadline(), finished_at=at)
    fate = "was taken away" if is_preempted else "failed"
    message = f"attempt {latest.number} {fate} ({fault.reason}: {fault.message})"
    message += f"; attempt {latest.number + 1} of {allowed} follows"
    if facts.spec.suspend:
        return Verdict("Suspended", reasons.SUSPENDED_BY_USER, message + " when it is resumed")
    wait = 0.0 if is_preempted else next_attempt_at(facts, latest) - facts.now
    verdict = Verdict("Pending", reasons.PREEMPTED if is_preempted else reasons.RETRYING, message)
    if wait > 0:
        return replace(verdict, recheck_seconds=wait)
    if late := _find_late_pod(facts, latest):
        return replace(verdict, message=f"{message} when pod {late.name} has ended")
    return replace(verdict, launch=_plan_next(facts, latest, remaining, is_preempted))


def _find_late_pod(facts: Facts, attempt: Attempt) -> PodRecord | None:
    """Give a pod of several that still trains, writes and holds what the next attempt needs."""
    late = (pod for pod in attempt.members if not pod.is_over)
    return next(late, None) if facts.nodes > 1 else None


def _plan_next(
    facts: Facts, latest: Attempt, remaining_seconds: int | None, is_preempted: bool
) -> Launch:
    resolved = facts.before.resolved
    return Launch(
        latest.number + 1,
        (resolved.image if resolved else None) or facts.settings.trainer_image,
        remaining_seconds,
        models=facts.models,
        preempted=latest.record.preempted_before + is_preempted,
    )
