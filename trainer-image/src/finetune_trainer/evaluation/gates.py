"""Whether a model is good enough to be published: ordered pure rules, one for each limit of a job.

`training.examinations` asks them all. What they say becomes the message of a QualityGateError and
is sealed with the rejected model, so that a restarted attempt comes to the same verdict.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetune_api.v1alpha1.evaluation import Evaluation
from finetune_api.v1alpha1.metrics import MetricName, is_greater_better
from finetune_api.v1alpha1.status import ForgettingMetric, SliceGap

DIGITS = 6
"""As in the report: what is shown as equal is equal."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """What the limits are held against.

    Attributes:
        metric: the metric to judge by.
        place: the rows that it was measured on, in words.
        value: of this model; None when it was not measured, or is no number.
        baseline: of the untouched model.
        rival: of the model of evaluation.gate.beatModel.
        main_metric: the metric of forgetting and slices.
        forgetting: general rows, before and after.
        gaps: the gap of each column of groups.
    """

    metric: MetricName
    place: str
    value: float | None
    main_metric: MetricName
    baseline: float | None = None
    rival: float | None = None
    forgetting: Sequence[ForgettingMetric] = ()
    gaps: Sequence[SliceGap] = ()

    def gain(self, other: float) -> float:
        """Say by how much this model is better than a value; negative when it is worse."""
        difference = round(self.value or 0.0, DIGITS) - round(other, DIGITS)
        return difference if is_greater_better(self.metric) else -difference


Limit = Callable[[Evaluation, Measurements], str | None]


def demand_a_number(evaluation: Evaluation, found: Measurements) -> str | None:
    """A model that cannot be measured passes nothing."""
    if evaluation.gate is None or found.value is not None:
        return None
    return f"evaluation.gate: {found.metric} is no number on {found.place}"


def demand_the_minimum(evaluation: Evaluation, found: Measurements) -> str | None:
    """The metric must be at least so good."""
    minimum = evaluation.gate.minimum if evaluation.gate else None
    if minimum is None or found.value is None or found.gain(minimum) >= 0:
        return None
    bound = "at least" if is_greater_better(found.metric) else "at most"
    return (
        f"evaluation.gate.minimum: {found.metric} is {found.value:.4g} on {found.place} and must be"
        f" {bound} {minimum:g}"
    )


def demand_more_than_the_baseline(evaluation: Evaluation, found: Measurements) -> str | None:
    """Training must have been worth something."""
    if evaluation.gate is None or not evaluation.gate.beat_baseline:
        return None
    if found.value is None or found.baseline is None or found.gain(found.baseline) > 0:
        return None
    return (
        f"evaluation.gate.beatBaseline: {found.metric} is {found.value:.4g} on {found.place}, no"
        f" better than {found.baseline:.4g} before training"
    )


def demand_no_less_than_the_rival(evaluation: Evaluation, found: Measurements) -> str | None:
    """A new model must not be worse than the one it is to replace."""
    gate = evaluation.gate
    if gate is None or found.rival is None or found.value is None:
        return None
    if found.gain(found.rival) >= 0:
        return None
    return (
        f"evaluation.gate.beatModel: {found.metric} is {found.value:.4g} on {found.place}, worse"
        f" than {found.rival:.4g} of {gate.beat_model}"
    )


def demand_little_forgetting(evaluation: Evaluation, found: Measurements) -> str | None:
    """What the model could do before must not be lost."""
    limit = evaluation.forgetting.maximum_drop if evaluation.forgetting else None
    main = next((m for m in found.forgetting if m.name == found.main_metric), None)
    if limit is None or main is None or main.drop <= limit:
        return None
    return (
        f"evaluation.forgetting.maximumDrop: {main.name} got worse by {main.drop:.4g} on the"
        f" general rows, from {main.before:.4g} to {main.after:.4g}, and may by {limit:g}"
    )


def demand_small_gaps(evaluation: Evaluation, found: Measurements) -> str | None:
    """No group may be served much worse than another."""
    limit = evaluation.slices.maximum_gap if evaluation.slices else None
    if limit is None:
        return None
    wide = [describe_gap(gap) for gap in found.gaps if gap.gap > limit]
    if not wide:
        return None
    return f"evaluation.slices.maximumGap is {limit:g}: {', and '.join(wide)}"


LIMITS: tuple[Limit, ...] = (
    demand_a_number,
    demand_the_minimum,
    demand_more_than_the_baseline,
    demand_no_less_than_the_rival,
    demand_little_forgetting,
    demand_small_gaps,
)


def find_complaints(evaluation: Evaluation, found: Measurements) -> list[str]:
    """Ask every rule; the model may be published when none complains."""
    complaints = (limit(evaluation, found) for limit in LIMITS)
    return [complaint for complaint in complaints if complaint is not None]


def describe_gap(gap: SliceGap) -> str:
    """Say which groups of a column are served best and worst."""
    return (
        f"{gap.metric} is {gap.worst_value:.4g} where {gap.column} is {gap.worst!r} and"
        f" {gap.best_value:.4g} where it is {gap.best!r}, a gap of {gap.gap:.4g}"
    )
