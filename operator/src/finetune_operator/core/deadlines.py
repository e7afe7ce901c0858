"""How long a job was active, over all attempts, and what remains of its deadline.

Queued and suspended time does not count. Computed from the batch Jobs each time: their start, their
end, and the seconds that were noted on them before a suspension.
"""

from collections.abc import Iterable

from finetune_operator.core.facts import Attempt, Facts

MIN_DEADLINE_SECONDS = 1
MAX_BACKOFF_SECONDS = 600.0


def measure_active_seconds(attempt: Attempt, now: float) -> float:
    """Give the seconds that one attempt was active."""
    record = attempt.record
    if record.started_at is None:
        return record.active_seconds_before
    end = record.ending.at if record.ending else now
    return record.active_seconds_before + max(0.0, end - record.started_at)


def count_remaining_seconds(facts: Facts, attempts: Iterable[Attempt]) -> int | None:
    """Give what is left of spec.activeDeadlineSeconds after `attempts`; None without a deadline."""
    deadline = facts.spec.active_deadline_seconds
    if deadline is None:
        return None
    used = sum(measure_active_seconds(attempt, facts.now) for attempt in attempts)
    return int(deadline - used)


def next_attempt_at(facts: Facts, failed: Attempt) -> float:
    """Say when the attempt after a failed one may start.

    Counted from the moment that Kubernetes wrote down, so that a restarted operator neither waits
    anew nor starts early.
    """
    ended_at = failed.record.ending.at if failed.record.ending else facts.now
    pause = facts.spec.retries.backoff_seconds * 2.0**failed.failures_before
    return ended_at + min(pause, MAX_BACKOFF_SECONDS)
