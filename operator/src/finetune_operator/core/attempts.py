"""The rules about an attempt that exists: how it goes, how it ended, whether another one follows.

`rules` puts them in order. Good news needs two witnesses, the batch Job and the trainer's own
outcome; bad news that could be a late watch event is confirmed by a fresh read first.
"""

from dataclasses import replace

from finetune_api.contract.outcomes import Outcome
from finetune_api.v1alpha1.status import Failure
from finetune_operator.core import reasons
from finetune_operator.core.blockages import (
    SLOW_MOUNT_SECONDS,
    Blockage,
    explain_slow_mounts,
    find_blockage,
)
from finetune_operator.core.deadlines import count_remaining_seconds, next_attempt_at
from finetune_operator.core.facts import Attempt, Facts
from finetune_operator.core.faults import (
    MAX_HINT,
    Evidence,
    Fault,
    explain_deadline,
    explain_ending,
    explain_false_success,
)
from finetune_operator.core.plan import Launch, Verdict
from finetune_operator.core.records import PodRecord
from finetune_operator.core.statuses import read_outcome

SLOW_START_SECONDS = 60.0
"""A pod that takes longer between its node and its container is looked after."""

REFRESH = Verdict(refresh=True, keeps_status=True)


def end_badly(
    facts: Facts, fault: Fault, *, accepted: bool = True, finished_at: float | None = None
) -> Verdict:
    """Give the verdict of a job that failed for good."""
    pod = facts.latest.pod if facts.latest else None
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
    if not facts.is_confirmed and not _is_over(latest.pod):
        return REFRESH  # the Job's news was faster than the pod's
    if ending.succeeded:
        return _settle_success(facts, latest)
    return _settle_failure(facts, latest, explain_ending(Evidence(ending, latest.pod)))


def _is_over(pod: PodRecord | None) -> bool:
    return pod is not None and pod.is_over and (pod.termination is not None or pod.reason != "")


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
    maximum = facts.spec.retries.maximum
    if not fault.is_retried:
        return end_badly(facts, fault, finished_at=at)
    if latest.number > maximum:
        tried = f" (attempt {latest.number} of {maximum + 1})" if maximum else ""
        exhausted = Fault(
            fault.reason, fault.message + tried, fault.hint, exit_code=fault.exit_code
        )
        return end_badly(facts, exhausted, finished_at=at)
    remaining = count_remaining_seconds(facts, facts.attempts)
    if remaining is not None and remaining <= 0:
        return end_badly(facts, explain_deadline(), finished_at=at)
    wait = next_attempt_at(facts, latest) - facts.now
    message = f"attempt {latest.number} failed ({fault.reason}: {fault.message})"
    message += f"; attempt {latest.number + 1} of {maximum + 1} follows"
    if facts.spec.suspend:
        return Verdict("Suspended", reasons.SUSPENDED_BY_USER, message + " when it is resumed")
    if wait > 0:
        return Verdict("Pending", reasons.RETRYING, message, recheck_seconds=wait)
    resolved = facts.before.resolved
    image = (resolved.image if resolved else None) or facts.settings.trainer_image
    launch = Launch(latest.number + 1, image, remaining, models=facts.models)
    return Verdict("Pending", reasons.RETRYING, message, launch=launch)


def follow_the_latest_attempt(facts: Facts) -> Verdict:
    """The attempt is on its way or at work; the last rule, so it always has an answer."""
    latest = facts.latest
    assert latest is not None  # report_a_lost_attempt and start_the_first_attempt saw to it
    if latest.record.is_suspended:
        return _wait_for_admission(facts)
    pod = _choose_pod(latest)
    if pod is None:
        return _wait_for_a_pod(latest)
    if pod.is_over:
        return Verdict(keeps_status=True)  # the batch Job says in a moment how it ended
    if blockage := find_blockage(pod):
        return _judge_blockage(facts, pod, blockage)
    if pod.running_since is None:
        return _wait_for_the_start(facts, pod)
    message = f"attempt {latest.number} runs in pod {pod.name} on node {pod.node}"
    return Verdict("Running", reasons.RUNNING, message)


def _choose_pod(attempt: Attempt) -> PodRecord | None:
    """Give the newest pod, unless the cluster took it away."""
    pod = attempt.pod
    return None if pod is None or pod.disruption else pod


def _wait_for_admission(facts: Facts) -> Verdict:
    queue = facts.queue_name
    if queue:
        message = f"waiting for quota in queue {queue}"
    else:
        message = (
            "the batch Job is suspended, though spec.suspend is false: by Kueue, if it manages jobs"
            " without a queue; give the job the label kueue.x-k8s.io/queue-name"
        )
    return Verdict("Queued", reasons.WAITING_FOR_ADMISSION, message)


def _wait_for_a_pod(attempt: Attempt) -> Verdict:
    if attempt.pod is not None and attempt.pod.disruption is not None:
        disruption = attempt.pod.disruption
        message = f"pod {attempt.pod.name} was taken away ({disruption.reason}); another follows"
        return Verdict("Starting", reasons.PREEMPTED, message)
    message = f"attempt {attempt.number} was made; its pod follows"
    return Verdict("Starting", reasons.ATTEMPT_CREATED, message)


def _wait_for_the_start(facts: Facts, pod: PodRecord) -> Verdict:
    where = f" on node {pod.node}" if pod.node else ""
    message = f"pod {pod.name} starts{where}"
    if pod.scheduled_at is None:
        return Verdict("Starting", reasons.POD_STARTING, message)
    slow_in = pod.scheduled_at + SLOW_START_SECONDS - facts.now
    verdict = Verdict("Starting", reasons.POD_STARTING, message, recheck_seconds=slow_in)
    if blockage := explain_slow_mounts(pod, facts.spec):
        patience = pod.scheduled_at + SLOW_MOUNT_SECONDS - facts.now
        if patience > 0:
            return replace(verdict, recheck_seconds=patience)
        verdict = _judge_blockage(facts, pod, blockage)
    if verdict.state == "Failed":
        return verdict
    if slow_in > 0:
        return replace(verdict, recheck_seconds=slow_in)
    # A pod whose ConfigMap somebody deleted waits for ever, and its status does not say why.
    repair = Launch(
        facts.attempts_begun, facts.settings.trainer_image, is_repair=True, models=facts.models
    )
    return replace(verdict, launch=repair, recheck_seconds=SLOW_START_SECONDS)


def _judge_blockage(facts: Facts, pod: PodRecord, blockage: Blockage) -> Verdict:
    fault = blockage.fault
    waited = facts.now - (pod.scheduled_at or pod.created_at)
    limit = facts.settings.start_timeout_seconds
    if blockage.is_final or (blockage.is_limited and waited >= limit):
        return end_badly(facts, fault)
    return Verdict(
        "Queued" if blockage.is_queued else "Starting",
        fault.reason,
        _keep_words(facts, fault) if blockage.is_limited else fault.text,
        recheck_seconds=limit - waited if blockage.is_limited else None,
    )


def _keep_words(facts: Facts, fault: Fault) -> str:
    """Keep the words of a blockage that goes on: a kubelet alternates between two for one cause."""
    before = next((c for c in facts.before.conditions if c.type == "Finished"), None)
    return before.message if before is not None and before.reason == fault.reason else fault.text
