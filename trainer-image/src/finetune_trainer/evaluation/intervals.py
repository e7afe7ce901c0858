"""How far chance alone may carry a metric: 95 % intervals.

`training.examinations` asks for them once, for the finished model; they go into metrics.json and
the model card. A share of rows has a formula. Everything else is measured again on rows that are
drawn anew, which costs time, so how often depends on what a task has to do to measure a row.
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from finetune_api.v1alpha1.metrics import MetricName
from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.tasks.base import Judged, Scores

Interval = tuple[float, float]
Measure = Callable[[Judged], Scores]
NORMAL_95 = 1.96
MINIMUM_ROWS = 2

SHARES_OF_ROWS: Mapping[TaskName, tuple[MetricName, ...]] = {
    "TextClassification": ("accuracy",),
    "ImageClassification": ("accuracy",),
    "AudioClassification": ("accuracy",),
    "QuestionAnswering": ("exactMatch",),
}
"""Metrics that count rows. The accuracy of tagging is none: it counts words, which come in rows."""
BOUNDED = frozenset(
    {
        *("accuracy", "f1", "precision", "recall", "exactMatch", "tokenAccuracy"),
        *("rouge1", "rouge2", "rougeL", "map", "map50"),
    }
)
"""Metrics between 0 and 1."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured again.

    Attributes:
        resamples: how often rows are drawn.
        rows: how many are drawn each time, at most.
    """

    resamples: int = 50
    rows: int = 500


EFFORTS: Mapping[TaskName, Effort] = {
    # A millisecond for a pair of texts, ten for the boxes of an image.
    "Seq2Seq": Effort(30, 100),
    "ObjectDetection": Effort(30, 50),
}


def estimate_share(share: float, rows: int) -> Interval:
    """Give the 95 % interval of a share of `rows`, by Wilson's formula."""
    square = NORMAL_95**2
    center = (share + square / (2 * rows)) / (1 + square / rows)
    spread = math.sqrt(share * (1 - share) / rows + square / (4 * rows**2))
    half = NORMAL_95 * spread / (1 + square / rows)
    return max(0.0, center - half), min(1.0, center + half)


def estimate_shares(task: TaskName, scores: Scores, rows: int) -> dict[str, Interval]:
    """Give the intervals that need no answers, of the metrics that are shares of so many rows."""
    shares: list[str] = [name for name in SHARES_OF_ROWS.get(task, ()) if name in scores]
    return {name: estimate_share(scores[name], rows) for name in shares if rows}


def estimate_intervals(
    task: TaskName, judged: Judged, scores: Scores, measure: Measure, seed: int
) -> dict[str, Interval]:
    """Give the interval of every metric for which there is one.

    Args:
        task: decides what is a share of rows, and how much is measured again.
        judged: the answers that the scores are of.
        scores: what was measured on all rows.
        measure: measures answers.
        seed: decides the draws; the same answers always give the same intervals.
    """
    rows = len(judged.rows.part)
    if rows < MINIMUM_ROWS:
        return {}
    found = estimate_shares(task, scores, rows)
    others = {name: value for name, value in scores.items() if name not in found}
    if others:
        found |= _draw_anew(judged, others, measure, EFFORTS.get(task, Effort()), seed)
    return {name: found[name] for name in scores if name in found}


def measure_rows(judged: Judged, positions: Sequence[int], measure: Measure) -> Scores:
    """Measure some rows alone; metrics that have no value there are left out."""
    with warnings.catch_warnings():
        # Few rows may lack a label or be all alike, which libraries remark on.
        warnings.simplefilter("ignore")
        try:
            scores = measure(judged.select(positions))
        except (ValueError, ZeroDivisionError):  # no metric is defined for so few rows
            return {}
    return {name: value for name, value in scores.items() if math.isfinite(value)}


def _draw_anew(
    judged: Judged, scores: Scores, measure: Measure, effort: Effort, seed: int
) -> dict[str, Interval]:
    import numpy as np

    generator = np.random.default_rng(seed)
    rows = len(judged.rows.part)
    taken = min(rows, effort.rows)
    draws: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(effort.resamples):
        found = measure_rows(judged, generator.integers(0, rows, taken).tolist(), measure)
        for name in draws.keys() & found.keys():
            draws[name].append(found[name])
    # Fewer rows spread more, by the root of their number.
    scale = math.sqrt(taken / rows)
    return {
        name: _spread(name, scores[name], scale * float(np.std(values, ddof=1)))
        for name, values in draws.items()
        if len(values) > effort.resamples / 2 and math.isfinite(scores[name])
    }


def _spread(name: str, value: float, deviation: float) -> Interval:
    low, high = value - NORMAL_95 * deviation, value + NORMAL_95 * deviation
    return (max(0.0, low), min(1.0, high)) if name in BOUNDED else (low, high)
