"""How often a job was begun, failed, and was taken away: status.attempts.

Computed from what is there and from the status as it is; no number ever goes down.
"""

from finetune_api.v1alpha1.status import Attempts
from finetune_operator.core.culprits import was_preempted
from finetune_operator.core.facts import Facts
from finetune_operator.core.plan import Verdict


def count_attempts(facts: Facts, verdict: Verdict) -> Attempts:
    """Count the attempts."""
    before = facts.before.attempts or Attempts()
    begun = facts.attempts_begun
    preempted = _count_preempted_attempts(facts)
    failed = (begun if _has_ended_badly(facts, verdict) else begun - 1) - preempted
    return Attempts(
        started=begun,
        failed=max(before.failed, failed, 0),
        preempted=max(before.preempted, preempted) if facts.nodes > 1 else _count_lost_pods(facts),
        resumed_from_step=before.resumed_from_step if begun == before.started else None,
    )


def _has_ended_badly(facts: Facts, verdict: Verdict) -> bool:
    """Tell whether the newest attempt did; the ones before it did, or it would not exist."""
    is_over = facts.latest is not None and facts.latest.record.ending is not None
    is_good = verdict.state in ("Succeeded", "EarlyStopped")
    return verdict.state == "Failed" or (is_over and not is_good)


def _count_preempted_attempts(facts: Facts) -> int:
    """Count the attempts of several pods that the cluster ended; a single pod is replaced."""
    if facts.nodes == 1:
        return 0
    if facts.latest is None:
        return facts.before.attempts.preempted if facts.before.attempts else 0
    return facts.latest.record.preempted_before + was_preempted(facts, facts.latest)


def _count_lost_pods(facts: Facts) -> int:
    """Count pods that the cluster took away; never down, never twice.

    A pod of status.podNames that is disrupted or gone is counted as it leaves that list. Within an
    attempt nothing else replaces a pod: a failure would have ended the batch Job.
    """
    before, latest = facts.before, facts.latest
    known = before.attempts.preempted if before.attempts else 0
    visible = sum(1 for a in facts.attempts for pod in a.pods if pod.disruption)
    if latest is None or latest.record.name != before.job_name or latest.record.is_suspended:
        return max(known, visible)
    alive = {p.name for p in latest.pods if not p.disruption}
    lost = 0 if latest.record.ending else sum(n not in alive for n in before.pod_names)
    return max(known + lost, visible)
