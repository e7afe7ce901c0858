"""Conditions: which ones a state makes true, and when their time moves.

`Complete`, `Failed` and `EarlyStopped` appear only when true, for tools that look at a type's
presence alone. The others are there from the first look on, so that nobody waits for a type that
never comes. `lastTransitionTime` moves only with the status: that is what `kubectl wait` and people
read it for.
"""

from dataclasses import dataclass

from finetune_api.v1alpha1.status import (
    FINISHED_STATES,
    MAX_MESSAGE_LENGTH,
    Condition,
    ConditionType,
    State,
)
from finetune_operator.core import reasons
from finetune_operator.core.facts import Facts
from finetune_operator.core.plan import Verdict
from finetune_operator.core.texts import clean_text
from finetune_operator.core.times import format_time


@dataclass(frozen=True, slots=True)
class Claim:
    """What a condition says, before it is known since when."""

    type: ConditionType
    holds: bool
    reason: str
    message: str


_ONLY_WHEN_TRUE: dict[State, tuple[ConditionType, ...]] = {
    "Succeeded": ("Complete",),
    "EarlyStopped": ("EarlyStopped", "Complete"),
    "Failed": ("Failed",),
}

# For the states that are conditions themselves: what to say when they do not hold.
_IDLE: tuple[tuple[ConditionType, State, str, str], ...] = (
    ("Queued", "Queued", reasons.NOT_QUEUED, "nothing has to be waited for"),
    ("Suspended", "Suspended", reasons.NOT_SUSPENDED, "spec.suspend is false"),
)


def build_conditions(facts: Facts, verdict: Verdict) -> list[Condition]:
    """Give all conditions, in a fixed order."""
    before = {condition.type: condition for condition in facts.before.conditions}
    return [_date(claim, before.get(claim.type), facts) for claim in _list_claims(verdict)]


def _list_claims(verdict: Verdict) -> list[Claim]:
    reason, message, state = verdict.reason, verdict.message, verdict.state
    claims = [
        Claim("Accepted", True, reasons.VALID, "the spec is in order")
        if verdict.accepted
        else Claim("Accepted", False, reason, message)
    ]
    claims += [
        Claim(kind, True, reason, message) if state == own else Claim(kind, False, idle, text)
        for kind, own, idle, text in _IDLE
    ]
    claims.append(Claim("Running", state == "Running", reason, message))
    claims += [Claim(kind, True, reason, message) for kind in _ONLY_WHEN_TRUE.get(state, ())]
    claims.append(Claim("Finished", state in FINISHED_STATES, reason, message))
    return claims


def _date(claim: Claim, before: Condition | None, facts: Facts) -> Condition:
    status = "True" if claim.holds else "False"
    is_unmoved = before is not None and before.status == status
    return Condition(
        type=claim.type,
        status="True" if claim.holds else "False",
        reason=claim.reason[:128],
        message=clean_text(claim.message, MAX_MESSAGE_LENGTH),
        last_transition_time=(
            before.last_transition_time if before and is_unmoved else format_time(facts.now)
        ),
        observed_generation=facts.job.generation,
    )
