"""What a job needs next: the rules, in the order in which they are asked.

A rule looks at the facts and gives a verdict or passes. The first verdict wins, so the order is the
policy: a finished job is left alone before anything else is considered. `decide` is the only door.
Nothing here touches a clock or the cluster, so every branch is one row of a table test.
"""

from collections.abc import Callable
from typing import TypeAlias

from finetune_operator.core import reasons
from finetune_operator.core.attempts import end_badly, report_a_lost_attempt, settle_the_outcome
from finetune_operator.core.deadlines import count_remaining_seconds, measure_active_seconds
from finetune_operator.core.facts import Facts, Rival
from finetune_operator.core.faults import Fault
from finetune_operator.core.notices import list_notices
from finetune_operator.core.origins import describe_wait, find_fault
from finetune_operator.core.plan import Launch, Plan, Removal, Suspension, Verdict
from finetune_operator.core.starts import follow_the_latest_attempt
from finetune_operator.core.statuses import build_status
from finetune_operator.core.throttle import hold_back_details
from finetune_operator.core.times import parse_time

Rule: TypeAlias = Callable[[Facts], Verdict | None]


def decide(facts: Facts) -> Plan:
    """Say what should exist and what the status should read, given what is there now."""
    verdict = next(verdict for rule in RULES if (verdict := rule(facts)))
    status, recheck_seconds = hold_back_details(facts, build_status(facts, verdict))
    pauses = [s for s in (verdict.recheck_seconds, recheck_seconds) if s is not None]
    return Plan(
        status=status,
        launch=verdict.launch,
        suspension=verdict.suspension,
        removals=verdict.removals,
        refresh=verdict.refresh,
        is_expired=verdict.is_expired,
        recheck_seconds=min(pauses, default=None),
        notices=list_notices(facts.before, status),
    )


def leave_a_deleted_job_alone(facts: Facts) -> Verdict | None:
    """Kubernetes collects the children by their owner references."""
    return Verdict(keeps_status=True) if facts.job.is_deleting else None


def leave_a_finished_job_alone(facts: Facts) -> Verdict | None:
    """A terminal state is final: only what still runs is stopped, and the time to live kept."""
    if not facts.job.is_finished:
        return None
    removals = tuple(
        Removal(a.record.name, a.record.uid)
        for a in facts.attempts
        if a.record.ending is None and not a.record.is_deleting
    )
    remaining = _count_seconds_to_live(facts)
    return Verdict(
        keeps_status=True,
        removals=removals,
        is_expired=remaining is not None and remaining <= 0,
        recheck_seconds=None if remaining is None else max(0.0, remaining),
    )


def _count_seconds_to_live(facts: Facts) -> float | None:
    ended_at = parse_time(facts.before.completion_time)
    if facts.job.job is None or ended_at is None:
        return None
    ttl = facts.spec.ttl_seconds_after_finished
    return None if ttl is None else ended_at + ttl - facts.now


def refuse_an_invalid_spec(facts: Facts) -> Verdict | None:
    """A spec from before a rule was tightened: said, not acted on, and what runs is left alone."""
    if facts.job.job is not None:
        return None
    state = facts.before.state or "Pending"
    return Verdict(state, reasons.INVALID_SPEC, facts.job.problem, accepted=False)


def refuse_a_foreign_image(facts: Facts) -> Verdict | None:
    """Whoever may create jobs may not thereby run any image on the platform's GPUs."""
    image, settings = facts.spec.image, facts.settings
    if facts.attempts_begun or image is None or image == settings.trainer_image:
        return None
    if any(image.startswith(prefix) for prefix in settings.allowed_image_prefixes):
        return None
    allowed = ", ".join(settings.allowed_image_prefixes) or settings.trainer_image
    return end_badly(
        facts,
        Fault(
            reasons.IMAGE_NOT_ALLOWED,
            f"spec.image is {image!r}; this platform allows {allowed}",
            "remove spec.image or ask the platform team to allow its prefix",
        ),
        accepted=False,
    )


def refuse_a_place_in_use(facts: Facts) -> Verdict | None:
    """Two live jobs never write to one place; the one that began, else the older, keeps it.

    Final, so that nothing starts by surprise when the other job ends.
    """
    if facts.attempts_begun:
        return None
    winner = next((rival for rival in facts.rivals if _goes_first(rival, facts)), None)
    if winner is None:
        return None
    return end_badly(
        facts,
        Fault(
            reasons.OUTPUT_IN_USE,
            f"FineTuneJob {winner.key.name} writes to {winner.place.uri}, so does this job",
            "give it another spec.output.destination, or wait for the other one and apply again",
        ),
        accepted=False,
    )


def _goes_first(rival: Rival, facts: Facts) -> bool:
    place = facts.job.place
    if place is None or not place.overlaps(rival.place):
        return False
    is_older = (rival.created_at, rival.uid) < (facts.job.created_at, facts.job.uid)
    return rival.has_begun or is_older


def report_an_obstacle(facts: Facts) -> Verdict | None:
    """The cluster did not take a child."""
    obstacle = facts.obstacle
    if obstacle is None:
        return None
    if obstacle.is_final:
        return end_badly(facts, Fault(obstacle.reason, obstacle.message))
    return Verdict("Pending", obstacle.reason, obstacle.message)  # the queue comes back to it


def hold_while_suspended(facts: Facts) -> Verdict | None:
    """The user's word: the pod ends after a checkpoint, the attempt stays."""
    if not facts.spec.suspend:
        return None
    latest = facts.latest
    if latest and latest.record.ending is not None:
        return None
    message = "spec.suspend is true; set it to false to go on from the last checkpoint"
    verdict = Verdict("Suspended", reasons.SUSPENDED_BY_USER, message)
    # Once per transition: Kueue owns the field at all other times.
    if latest is None or latest.record.is_suspended or _is_suspended_by_us(facts):
        return verdict
    return Verdict(
        "Suspended",
        reasons.SUSPENDED_BY_USER,
        message,
        suspension=Suspension(
            latest.record.name,
            latest.record.uid,
            is_suspended=True,
            active_seconds=measure_active_seconds(latest, facts.now),
        ),
    )


def go_on_after_a_suspension(facts: Facts) -> Verdict | None:
    """Release what we held back; with a queue, Kueue does it when there is quota."""
    latest = facts.latest
    if latest is None or latest.record.ending or not latest.record.is_suspended:
        return None
    if not _is_suspended_by_us(facts) or facts.queue_name:
        return None
    remaining = count_remaining_seconds(facts, facts.attempts)
    return Verdict(
        "Starting",
        reasons.RESUMED,
        f"attempt {latest.number} goes on from its last checkpoint",
        suspension=Suspension(
            latest.record.name,
            latest.record.uid,
            is_suspended=False,
            active_seconds=latest.record.active_seconds_before,
            deadline_seconds=None if remaining is None else max(1, remaining),
        ),
    )


def _is_suspended_by_us(facts: Facts) -> bool:
    return any(
        c.type == "Suspended" and c.status == "True" and c.reason == reasons.SUSPENDED_BY_USER
        for c in facts.before.conditions
    )


def wait_for_other_jobs(facts: Facts) -> Verdict | None:
    """A job:// source is there when that job has ended well; the order of applying is free."""
    if facts.attempts_begun:
        return None
    faults = (find_fault(origin) for origin in facts.origins)
    if fault := next((fault for fault in faults if fault), None):
        return end_badly(facts, fault)
    late = next((origin for origin in facts.origins if not origin.has_ended_well), None)
    if late is None:
        return None
    return Verdict(
        "Pending", reasons.WAITING_FOR_JOB, describe_wait(late, waiting=facts.job.key.name)
    )


def start_the_first_attempt(facts: Facts) -> Verdict | None:
    """Nothing was begun yet."""
    if facts.attempts_begun:
        return None
    image = facts.spec.image or facts.settings.trainer_image
    launch = Launch(1, image, facts.spec.active_deadline_seconds, models=facts.models)
    return Verdict("Pending", reasons.VALID, "the first attempt is being made", launch=launch)


RULES: tuple[Rule, ...] = (
    leave_a_deleted_job_alone,
    leave_a_finished_job_alone,
    refuse_an_invalid_spec,
    refuse_a_foreign_image,
    refuse_a_place_in_use,
    report_an_obstacle,
    hold_while_suspended,
    wait_for_other_jobs,
    start_the_first_attempt,
    report_a_lost_attempt,
    settle_the_outcome,
    go_on_after_a_suspension,
    follow_the_latest_attempt,
)
