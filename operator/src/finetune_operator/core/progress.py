"""Turns what a trainer reports into what a status shows.

A pod is not trusted: a report about another job or attempt is dropped, numbers that are not finite
and text with control characters are left out, and the learning curve is thinned to fifty points.
"""

import math
from collections.abc import Iterable
from typing import TypeVar

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1.status import (
    MAX_HISTORY,
    FoldMetric,
    ForgettingMetric,
    HistoryPoint,
    Metric,
    Metrics,
    Progress,
    SliceGap,
)
from finetune_api.v1alpha1.tasks import TASK_TRAITS
from finetune_operator.core.facts import Facts
from finetune_operator.core.texts import clean_text
from finetune_operator.core.times import format_time

SIGNIFICANT_DIGITS = 6
MAX_STEP = 2**53
SECONDS_PER_MINUTE, SECONDS_PER_HOUR, SECONDS_PER_DAY = 60, 3600, 86400


def choose_report(facts: Facts) -> ProgressReport | None:
    """Give the newest report that is about this very attempt."""
    received = facts.report
    if received is None or facts.latest is None:
        return None
    report = received.report
    is_ours = (report.job_uid, report.attempt) == (facts.job.uid, facts.latest.number)
    return report if is_ours else None


def build_progress(report: ProgressReport, heard_at: float, main_metric: str | None) -> Progress:
    """Give the progress that a report amounts to.

    Args:
        report: of the present attempt.
        heard_at: by our own clock; a node's may be wrong.
        main_metric: the metric to show, where one has been measured.
    """
    step, steps = min(report.step, MAX_STEP), report.maximum_steps
    eta = finite(report.eta_seconds)
    percent = None if not steps else min(100, 100 * step // steps)
    return Progress(
        phase=report.phase,
        fold=clean_text(report.fold, 16) or None,
        step=step,
        maximum_steps=None if steps is None else min(steps, MAX_STEP),
        steps=f"{step}/{steps}"[:32] if steps else f"{step}",
        epoch=round_number(report.epoch),
        percent=percent,
        display=show_progress(percent, report.fold),
        loss=round_number(report.loss),
        evaluation_loss=round_number(report.evaluation_loss),
        metric=show_metric(report, main_metric),
        learning_rate=round_number(report.learning_rate),
        samples_per_second=round_number(report.samples_per_second),
        eta=None if eta is None else show_duration(eta),
        eta_seconds=None if eta is None else min(int(eta), MAX_STEP),
        last_report_time=format_time(heard_at),
    )


def show_progress(percent: int | None, fold: str | None) -> str | None:
    """Show the percentage of all steps, with the fold where there are some: 43% (2/5)."""
    if percent is None:
        return None
    return clean_text(f"{percent}% ({fold})" if fold else f"{percent}%", 16)


def show_metric(report: ProgressReport, main_metric: str | None) -> str | None:
    """Show the best value so far of the metric that leads, for example "f1 0.8123"."""
    stopping, measured = report.early_stopping, report.metrics
    if stopping and finite(stopping.best) is not None:
        return clean_text(f"{stopping.metric} {stopping.best:.4g}", 64)
    for metric in (measured.best if measured else None) or ():
        if metric.name == main_metric and finite(metric.value) is not None:
            return clean_text(f"{metric.name} {metric.value:.4g}", 64)
    return None


def find_main_metric(facts: Facts) -> str | None:
    """Name the metric that leads: what early stopping follows, or the task's own."""
    return facts.spec.early_stopping.metric or TASK_TRAITS[facts.spec.task].main


def finite(value: float | None) -> float | None:
    """Give the number, unless there is none or it is not finite."""
    return value if value is not None and math.isfinite(value) else None


def round_number(value: float | None) -> float | None:
    """Round to six significant digits: more would only make every write differ from the last."""
    number = finite(value)
    return None if number is None else float(f"{number:.{SIGNIFICANT_DIGITS}g}")


def show_duration(seconds: float) -> str:
    """Show a duration in its two largest units: 45s, 3m20s, 1h12m, 2d4h."""
    left = max(0, int(seconds))
    units = (("d", SECONDS_PER_DAY), ("h", SECONDS_PER_HOUR), ("m", SECONDS_PER_MINUTE), ("s", 1))
    parts: list[str] = []
    for name, size in units:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count}{name}")
    shown = [part for part in parts[:2] if not part.startswith("0")]
    return "".join(shown)[:16] or "0s"


def merge_history(
    before: Iterable[HistoryPoint], reported: Iterable[HistoryPoint]
) -> list[HistoryPoint]:
    """Put a reported curve over the known one, and thin it.

    A resumed attempt reports from its checkpoint on; what lies after that step in the old curve was
    lost with the pod and is dropped.
    """
    new = [_round_point(point) for point in reported]
    if not new:
        return list(before)
    first = min(point.step for point in new)
    points = {point.step: point for point in before if point.step < first}
    points |= {point.step: point for point in new}
    return thin_history([points[step] for step in sorted(points)])


def thin_history(points: list[HistoryPoint]) -> list[HistoryPoint]:
    """Keep at most MAX_HISTORY points: the ends, every evaluation that fits, the rest evenly."""
    if len(points) <= MAX_HISTORY:
        return points
    measured = [p for p in points[1:-1] if p.evaluation_loss is not None or p.metric is not None]
    plain = [p for p in points[1:-1] if p.evaluation_loss is None and p.metric is None]
    room = MAX_HISTORY - 2
    kept = pick_evenly(measured, min(len(measured), room * 4 // 5 if plain else room))
    kept += pick_evenly(plain, room - len(kept))
    return [points[0], *sorted(kept, key=lambda point: point.step), points[-1]]


def pick_evenly(points: list[HistoryPoint], count: int) -> list[HistoryPoint]:
    """Pick `count` points at even distances."""
    if count >= len(points):
        return points
    return [points[(2 * index + 1) * len(points) // (2 * count)] for index in range(count)]


def _round_point(point: HistoryPoint) -> HistoryPoint:
    return HistoryPoint(
        step=min(point.step, MAX_STEP),
        loss=round_number(point.loss),
        evaluation_loss=round_number(point.evaluation_loss),
        metric=round_number(point.metric),
    )


def merge_metrics(before: Metrics | None, reported: Metrics | None) -> Metrics | None:
    """Take over what was measured; what a later attempt did not measure again is kept."""
    if reported is None:
        return before
    known = before or Metrics()
    return Metrics(
        baseline=_round_metrics(reported.baseline) or known.baseline,
        best=_round_metrics(reported.best) or known.best,
        test_baseline=_round_metrics(reported.test_baseline) or known.test_baseline,
        test=_round_metrics(reported.test) or known.test,
        folds=_round_folds(reported.folds) or known.folds,
        forgetting=_clean_rows(reported.forgetting) or known.forgetting,
        slices=_clean_rows(reported.slices) or known.slices,
    )


def _round_metrics(metrics: list[Metric] | None) -> list[Metric] | None:
    if not metrics:
        return None
    rounded = ((metric.name, round_number(metric.value)) for metric in metrics)
    return [Metric(name=clean_text(n, 64), value=v) for n, v in rounded if v is not None]


Row = TypeVar("Row", ForgettingMetric, SliceGap)


def _clean_rows(rows: list[Row] | None) -> list[Row] | None:
    """Round the numbers and clean the texts of each row; one whose number is none is left out."""
    cleaned = []
    for row in rows or ():
        fields = row.model_dump()
        numbers = {n: round_number(v) for n, v in fields.items() if isinstance(v, float)}
        texts = {n: clean_text(v, 128) for n, v in fields.items() if isinstance(v, str)}
        if None not in numbers.values():
            cleaned.append(row.model_copy(update=numbers | texts))
    return cleaned or None


def _round_folds(metrics: list[FoldMetric] | None) -> list[FoldMetric] | None:
    if not metrics:
        return None
    rounded = (
        (metric, round_number(metric.mean), round_number(metric.standard_deviation))
        for metric in metrics
    )
    return [
        metric.model_copy(
            update={
                "name": clean_text(metric.name, 64),
                "mean": mean,
                "standard_deviation": deviation,
            }
        )
        for metric, mean, deviation in rounded
        if mean is not None and deviation is not None
    ]
