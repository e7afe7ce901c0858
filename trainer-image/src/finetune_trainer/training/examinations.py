"""What a model is examined for besides its metrics: before training, and when it is done.

`run` calls it between the phases of `attempts`. The rules are in `evaluation`; here the model is
asked. Needs torch.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from finetune_api.v1alpha1.evaluation import Evaluation
from finetune_api.v1alpha1.metrics import MetricName
from finetune_api.v1alpha1.status import Cost, ForgettingMetric, Metric, Metrics, SliceGap
from finetune_trainer.callbacks.preemption import RandomState
from finetune_trainer.checkpoints.befores import Before, read_before, write_before
from finetune_trainer.data.tables import Part
from finetune_trainer.evaluation import forgetting, gates, probes, slices
from finetune_trainer.evaluation.confusions import write_confusion
from finetune_trainer.evaluation.findings import Findings
from finetune_trainer.evaluation.gates import Measurements
from finetune_trainer.evaluation.intervals import (
    Interval,
    estimate_intervals,
    estimate_shares,
    measure_rows,
)
from finetune_trainer.evaluation.materials import Materials, choose_judged_part
from finetune_trainer.evaluation.slices import Group
from finetune_trainer.reporting.board import Measured
from finetune_trainer.tasks.base import Judged, Rows, Scores
from finetune_trainer.training.assembly import Attempt
from finetune_trainer.training.attempts import Judgement
from finetune_trainer.training.contexts import Context
from finetune_trainer.training.rivals import measure_rival

KINDS: dict[str, tuple[Measured, Measured]] = {
    "test": ("test", "test_baseline"),
    "validation": ("best", "baseline"),
}
"""What the metrics of each part are called in the report: of the model, and before."""


@dataclass(frozen=True, slots=True)
class CloseLook:
    """What the answers about the judged rows showed.

    Attributes:
        intervals: how far chance may carry each metric.
        groups: every group of each column.
        gaps: the gap of each column that has one.
    """

    intervals: dict[Measured, dict[str, Interval]] = field(default_factory=dict)
    groups: dict[str, list[Group]] = field(default_factory=dict)
    gaps: list[SliceGap] = field(default_factory=list)


def examine_before(attempt: Attempt, materials: Materials) -> Before:
    """Ask the untouched model, and measure the model to beat; or recall what they said."""
    context = attempt.context
    identity = context.identity
    known = context.ranks.lead(
        lambda: read_before(context.checkpoints, identity, materials.general_fingerprint)
    )
    if known is not None:
        return known
    # An attempt that recalls all of it must train with the same random numbers.
    state = RandomState.take()
    before = Before(
        general=_measure(attempt, materials.general),
        general_fingerprint=materials.general_fingerprint,
        probes=None if attempt.loaded.has_new_head else _ask_probes(attempt, materials),
        rival=_measure_rival(attempt, materials),
    )
    state.put_back()
    context.ranks.lead(lambda: write_before(context.checkpoints, identity, before))
    return before


def examine(
    attempt: Attempt, materials: Materials, before: Before, judgement: Judgement | None
) -> Findings:
    """Examine the finished model.

    Args:
        attempt: holds the best model.
        materials: rows to ask it about.
        before: what was found before training.
        judgement: how good it is; None where there are no rows to judge it by.
    """
    context = attempt.context
    evaluation = context.job.spec.evaluation
    look = _look_closely(context, judgement) if judgement else CloseLook()
    general = _measure(attempt, materials.general)
    drops = _compare(context, before, general)
    context.board.compare(forgetting=drops or None, slices=look.gaps or None)
    answers = _ask_probes(attempt, materials)
    part = judgement.judged.rows.part.name if judgement else None
    found = _gather(context, before, part, (drops, look.gaps))
    return Findings(
        intervals=look.intervals,
        slices=slices.describe_groups(look.groups, look.gaps) if look.groups else None,
        probes=_describe_probes(evaluation, before, answers),
        confusion=write_confusion(judgement.judged) if judgement else None,
        cost=_count_cost(context),
        complaints=tuple(gates.find_complaints(evaluation, found)),
    )


def _measure(attempt: Attempt, part: Part | None) -> Scores | None:
    """Score the model as it is on rows of its own."""
    if part is None:
        return None
    return _keep_finite(attempt.context.task.measure(_ask(attempt, part)))


def _ask(attempt: Attempt, part: Part) -> Judged:
    settings = attempt.trainer.parts.settings
    encoded = attempt.context.task.encode(part, attempt.processor, settings)
    return attempt.trainer.ask(Rows(part, encoded))


def _ask_probes(attempt: Attempt, materials: Materials) -> list[str] | None:
    if materials.probes is None:
        return None
    return attempt.context.task.describe(_ask(attempt, materials.probes))


def _describe_probes(
    evaluation: Evaluation, before: Before, answers: list[str] | None
) -> dict[str, Any] | None:
    if answers is None:
        return None
    return probes.describe_probes(evaluation.probes, before.probes, answers)


def _measure_rival(attempt: Attempt, materials: Materials) -> Scores | None:
    part = choose_judged_part(attempt.context.data.parts)
    if materials.rival is None or part is None:
        return None
    judged = attempt.context.data.parts[part]
    return _keep_finite(measure_rival(attempt, materials.rival, judged))


def _look_closely(context: Context, judgement: Judgement) -> CloseLook:
    """Measure the answers again: by chance, and by group."""
    spec, measure = context.job.spec, context.task.measure
    judged, scores = judgement.judged, judgement.scores
    kind, _ = KINDS[judged.rows.part.name]
    found = estimate_intervals(spec.task, judged, scores, measure, spec.training.seed)
    # What needs no answers is there for the validation rows in any case.
    intervals: dict[Measured, dict[str, Interval]] = {"best": _estimate_validation(context)}
    intervals[kind] = found
    asked = spec.evaluation.slices
    if asked is None:
        return CloseLook(intervals)

    def measure_group(positions: Sequence[int]) -> Scores:
        group = measure_rows(judged, positions, measure)
        return {name: group[name] for name in scores if name in group}

    groups = {
        column: slices.measure_groups(judged.rows.part, column, measure_group)
        for column in asked.columns
    }
    gaps = [
        slices.find_gap(column, measured, _followed(context), asked.minimum_rows)
        for column, measured in groups.items()
    ]
    return CloseLook(intervals, groups, [gap for gap in gaps if gap is not None])


def _estimate_validation(context: Context) -> dict[str, Interval]:
    metrics = context.board.snapshot().metrics or Metrics()
    scores = {metric.name: metric.value for metric in metrics.best or ()}
    validation = context.data.parts.get("validation")
    return estimate_shares(context.job.spec.task, scores, len(validation) if validation else 0)


def _compare(context: Context, before: Before, general: Scores | None) -> list[ForgettingMetric]:
    if before.general is None or general is None:
        return []
    wanted = context.job.spec.evaluation.metrics or context.task.metrics
    names = [name for name in context.task.metrics if name in wanted]
    return forgetting.compare(names, before.general, general)


def _gather(
    context: Context,
    before: Before,
    part: str | None,
    compared: tuple[Sequence[ForgettingMetric], Sequence[SliceGap]],
) -> Measurements:
    """Put together what the limits are held against."""
    report = context.board.snapshot().metrics or Metrics()
    gate = context.job.spec.evaluation.gate
    metric = (gate.metric if gate else None) or _followed(context)
    if part is None:
        place, baseline = "the folds", report.baseline
        value = next((m.mean for m in report.folds or () if m.name == metric), None)
    else:
        kind, earlier = KINDS[part]
        place, baseline = f"the {part} rows", getattr(report, earlier)
        value = _find(metric, getattr(report, kind))
    return Measurements(
        metric=metric,
        place=place,
        value=value,
        main_metric=_followed(context),
        baseline=_find(metric, baseline),
        rival=before.rival.get(metric) if before.rival else None,
        forgetting=compared[0],
        gaps=compared[1],
    )


def _followed(context: Context) -> MetricName:
    return context.job.spec.early_stopping.metric or context.task.main_metric


def _find(name: str, metrics: Iterable[Metric] | None) -> float | None:
    return next((metric.value for metric in metrics or () if metric.name == name), None)


def _keep_finite(scores: Scores) -> Scores:
    return {name: value for name, value in scores.items() if math.isfinite(value)}


def _count_cost(context: Context) -> Cost:
    resources, ranks = context.job.spec.resources, context.ranks
    mine = context.board.snapshot().cpu_seconds or 0.0
    seconds = sum(context.board.phase_seconds().values())
    return Cost(
        gpu_seconds=round(seconds * resources.gpus_per_node * resources.nodes),
        cpu_seconds=round(ranks.average(mine) * ranks.seat.count),
    )
