"""What a model was good at before and is less good at now: spec.evaluation.forgetting. Pure.

`training.examinations` scores general rows with the untouched model and with the tuned one; this
module compares the two.
"""

from collections.abc import Iterable

from finetune_api.v1alpha1.metrics import MetricName, is_greater_better
from finetune_api.v1alpha1.status import ForgettingMetric
from finetune_trainer.tasks.base import Scores


def compare(names: Iterable[MetricName], before: Scores, after: Scores) -> list[ForgettingMetric]:
    """Give every metric before and after, and by how much it got worse."""
    return [
        ForgettingMetric(
            name=name,
            before=round(before[name], 6),
            after=round(after[name], 6),
            drop=round(_measure_drop(name, before[name], after[name]), 6),
        )
        for name in names
        if name in before and name in after
    ]


def _measure_drop(name: MetricName, before: float, after: float) -> float:
    return before - after if is_greater_better(name) else after - before
