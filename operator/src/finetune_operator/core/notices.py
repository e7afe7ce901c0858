"""Which events a change of status is worth: few, and each one read by somebody.

Computed from the two statuses and not from "what just happened", so a restarted operator says each
thing once: the status that says it is written in the same breath.
"""

from finetune_api.contract.progress import CHECKPOINT_CORRUPT
from finetune_api.v1alpha1 import FineTuneJobStatus
from finetune_api.v1alpha1.status import Condition, ConditionType
from finetune_operator.core import reasons
from finetune_operator.core.plan import Notice

_QUIET = frozenset(
    {
        reasons.VALID,
        reasons.POD_STARTING,
        reasons.RUNNING,
        reasons.ATTEMPT_CREATED,
        reasons.WAITING_FOR_ADMISSION,
    }
)
"""Shown by the conditions; an event would only repeat what the pod's own events say."""

_GOOD = frozenset(
    {
        reasons.SUCCEEDED,
        reasons.EARLY_STOPPED,
        reasons.SUSPENDED_BY_USER,
        reasons.WAITING_FOR_JOB,
    }
)


def list_notices(before: FineTuneJobStatus, after: FineTuneJobStatus) -> tuple[Notice, ...]:
    """Give the events for a change of status."""
    return (
        *_announce_attempts(before, after),
        *_announce_resumption(before, after),
        *_announce_reason(before, after),
        *_announce_damage(before, after),
    )


def _announce_attempts(before: FineTuneJobStatus, after: FineTuneJobStatus) -> list[Notice]:
    old = before.attempts.started if before.attempts else 0
    new = after.attempts.started if after.attempts else 0
    if new <= old:
        return []
    return [Notice(reasons.ATTEMPT_CREATED, f"attempt {new} runs as Job {after.job_name}")]


def _announce_resumption(before: FineTuneJobStatus, after: FineTuneJobStatus) -> list[Notice]:
    if before.state != "Suspended" or after.state in ("Suspended", "Failed"):
        return []
    return [Notice(reasons.RESUMED, "spec.suspend is false again; the job goes on")]


def _announce_reason(before: FineTuneJobStatus, after: FineTuneJobStatus) -> list[Notice]:
    old, new = _find(before, "Finished"), _find(after, "Finished")
    if new is None or new.reason in _QUIET or (old is not None and old.reason == new.reason):
        return []
    return [Notice(new.reason, new.message, is_warning=new.reason not in _GOOD)]


def _announce_damage(before: FineTuneJobStatus, after: FineTuneJobStatus) -> list[Notice]:
    """Tell of checkpoints that the trainer has found broken: the volume may be failing."""
    known = before.resolved.warnings if before.resolved else []
    found = after.resolved.warnings if after.resolved else []
    begin = f"{CHECKPOINT_CORRUPT}: "
    return [
        Notice(CHECKPOINT_CORRUPT, warning.removeprefix(begin), is_warning=True)
        for warning in found
        if warning.startswith(begin) and warning not in known
    ]


def _find(status: FineTuneJobStatus, kind: ConditionType) -> Condition | None:
    return next((c for c in status.conditions if c.type == kind), None)
