"""The last rule: what the pods of an attempt are at, from the queue to the training.

Pods that train together wait for the last of them: what keeps one is told of all, by its name.
"""

from dataclasses import replace

from finetune_operator.core import reasons
from finetune_operator.core.attempts import end_badly
from finetune_operator.core.blockages import (
    SLOW_MOUNT_SECONDS,
    Blockage,
    explain_slow_mounts,
    find_blockage,
)
from finetune_operator.core.facts import Attempt, Facts
from finetune_operator.core.faults import Fault
from finetune_operator.core.plan import Launch, Verdict
from finetune_operator.core.records import PodRecord

SLOW_START_SECONDS = 60.0
"""A pod that takes longer between its node and its container is looked after."""


def follow_the_latest_attempt(facts: Facts) -> Verdict:
    """The attempt is on its way or at work; the last rule, so it always has an answer."""
    latest = facts.latest
    assert latest is not None  # report_a_lost_attempt and start_the_first_attempt saw to it
    if latest.record.is_suspended:
        return _wait_for_admission(facts)
    pods = latest.members
    if lost := next((pod for pod in pods if pod.disruption), None):
        return _wait_for_another_pod(facts, latest, lost)
    if any(pod.is_over for pod in pods):
        return Verdict(keeps_status=True)  # the batch Job says in a moment how it ended
    if blocked := _find_blocked_pod(pods):
        return _judge_blockage(facts, *blocked)
    if len(pods) < facts.nodes:
        return _wait_for_pods(facts, latest)
    if late := next((pod for pod in pods if pod.running_since is None), None):
        return _wait_for_the_start(facts, late)
    return Verdict("Running", reasons.RUNNING, _describe_running(facts, latest, pods[0]))


def _describe_running(facts: Facts, attempt: Attempt, leader: PodRecord) -> str:
    if facts.nodes == 1:
        return f"attempt {attempt.number} runs in pod {leader.name} on node {leader.node}"
    where = f"{leader.name} on node {leader.node}"
    return f"attempt {attempt.number} runs in {facts.nodes} pods, led by {where}"


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


def _wait_for_another_pod(facts: Facts, attempt: Attempt, lost: PodRecord) -> Verdict:
    assert lost.disruption is not None
    message = f"pod {lost.name} was taken away ({lost.disruption.reason}); "
    if facts.nodes == 1:
        message += "another follows"
    else:
        message += f"the others cannot go on without it: attempt {attempt.number + 1} follows"
    return Verdict("Starting", reasons.PREEMPTED, message)


def _wait_for_pods(facts: Facts, attempt: Attempt) -> Verdict:
    message = f"attempt {attempt.number} was made; "
    if facts.nodes == 1:
        message += "its pod follows"
    else:
        message += f"{len(attempt.members)} of its {facts.nodes} pods are there"
    return Verdict("Starting", reasons.ATTEMPT_CREATED, message)


def _wait_for_the_start(facts: Facts, pod: PodRecord) -> Verdict:
    where = f" on node {pod.node}" if pod.node else ""
    message = f"pod {pod.name} starts{where}{_count_running(facts)}"
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


def _find_blocked_pod(pods: tuple[PodRecord, ...]) -> tuple[PodRecord, Blockage] | None:
    """Give the pod with the least hope, and why it does not start."""
    blocked = [(pod, blockage) for pod in pods if (blockage := find_blockage(pod))]
    return min(blocked, key=lambda pair: pair[1].hope, default=None)


def _judge_blockage(facts: Facts, pod: PodRecord, blockage: Blockage) -> Verdict:
    fault = blockage.fault
    waited = facts.now - (pod.scheduled_at or pod.created_at)
    limit = facts.settings.start_timeout_seconds
    if blockage.is_final or (blockage.is_limited and waited >= limit):
        return end_badly(facts, fault, pod=pod)
    if facts.nodes > 1:
        fault = replace(fault, message=f"pod {pod.name}: {fault.message}{_count_running(facts)}")
    return Verdict(
        "Queued" if blockage.is_queued else "Starting",
        fault.reason,
        _keep_words(facts, fault) if blockage.is_limited else fault.text,
        recheck_seconds=limit - waited if blockage.is_limited else None,
    )


def _count_running(facts: Facts) -> str:
    """Say how many of several pods wait for the one that is late, and hold what they asked for."""
    if facts.nodes == 1 or facts.latest is None:
        return ""
    running = sum(pod.running_since is not None for pod in facts.latest.members)
    return f" ({running} of {facts.nodes} pods run)"


def _keep_words(facts: Facts, fault: Fault) -> str:
    """Keep the words of a blockage that goes on: a kubelet alternates between two for one cause."""
    before = next((c for c in facts.before.conditions if c.type == "Finished"), None)
    return before.message if before is not None and before.reason == fault.reason else fault.text
