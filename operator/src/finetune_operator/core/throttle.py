"""Keeps statuses from being written at every step of a training.

What changes the state goes out at once. Progress alone waits until the last write of progress is
old enough, and a mere sign of life longer still: etcd rewrites the whole object each time. And that
a pod has a node is worth a write only when it does not run a moment later.
"""

from finetune_api.v1alpha1 import FineTuneJobStatus
from finetune_operator.core.facts import Facts
from finetune_operator.core.times import parse_time

_LIVE = frozenset(
    {
        "progress",
        "early_stopping",
        "metrics",
        "history",
        "checkpoint",
        "cost",
        "resolved",
        "attempts",
    }
)
_NORMAL_WAITING = ("", "ContainerCreating", "PodInitializing")
HEARTBEAT_FACTOR = 6
"""A report that says nothing new is written this many times more seldom."""


START_SECONDS = 2.0
"""A pod that starts within this time goes from its creation to Running in one write."""


def hold_back_details(
    facts: Facts, wanted: FineTuneJobStatus
) -> tuple[FineTuneJobStatus, float | None]:
    """Give the status to write now, and the seconds after which the rest may follow."""
    if (pause := _count_seconds_to_start(facts, wanted)) is not None:
        return facts.before, pause
    return _hold_back_progress(facts, wanted)


def _count_seconds_to_start(facts: Facts, wanted: FineTuneJobStatus) -> float | None:
    pod = facts.latest.pod if facts.latest else None
    is_starting = facts.before.state == wanted.state == "Starting"
    if not is_starting or pod is None or pod.waiting_reason not in _NORMAL_WAITING:
        return None
    if wanted.attempts != facts.before.attempts:
        return None
    remaining = (pod.scheduled_at or pod.created_at) + START_SECONDS - facts.now
    return remaining if 0 < remaining <= START_SECONDS else None


def _hold_back_progress(
    facts: Facts, wanted: FineTuneJobStatus
) -> tuple[FineTuneJobStatus, float | None]:
    before = facts.before
    last = parse_time(before.progress.last_report_time) if before.progress else None
    if last is None or not _differs_in_progress_alone(before, wanted):
        return wanted, None
    pause = facts.settings.progress_seconds
    if _says_nothing_new(before, wanted):
        pause *= HEARTBEAT_FACTOR
    remaining = last + pause - facts.now
    if 0 < remaining <= pause:
        return before, remaining
    return wanted, None


def _differs_in_progress_alone(before: FineTuneJobStatus, wanted: FineTuneJobStatus) -> bool:
    fields = FineTuneJobStatus.model_fields
    changed = {name for name in fields if getattr(before, name) != getattr(wanted, name)}
    return bool(changed) and changed <= _LIVE


def _says_nothing_new(before: FineTuneJobStatus, wanted: FineTuneJobStatus) -> bool:
    if before.progress is None or wanted.progress is None:
        return False
    fields = (before.progress, wanted.progress)
    old, new = (progress.model_copy(update={"last_report_time": None}) for progress in fields)
    return old == new
