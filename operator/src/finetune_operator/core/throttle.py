"""Keeps statuses from being written at every step of a training.

What changes the state goes out at once. Progress alone waits until the last write of progress is
old enough, and a mere sign of life longer still: etcd rewrites the whole object each time.
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
HEARTBEAT_FACTOR = 6
"""A report that says nothing new is written this many times more seldom."""


def hold_back_progress(
    facts: Facts, wanted: FineTuneJobStatus
) -> tuple[FineTuneJobStatus, float | None]:
    """Give the status to write now, and the seconds after which the rest may follow."""
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
