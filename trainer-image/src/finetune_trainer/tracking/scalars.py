"""The numbers that trackers get, by the names that status and metrics.json have for them. Pure.

`train/` is what the optimizer sees, `evaluation/` the validation rows while training; `baseline/`,
`best/`, `test/` and the others stand for the parts of metrics.json.
"""

import math
import re
from collections.abc import Iterator, Mapping

from finetune_api.v1alpha1.status import Metric, Metrics

_STRANGE_TO_A_NAME = re.compile(r"[^\w -]")
"""A column may have any name; that of a metric becomes a path."""
_LOGGED = {
    "loss": "train/loss",
    "learning_rate": "train/learningRate",
    "grad_norm": "train/gradientNorm",
    "epoch": "train/epoch",
}


def read_training(logs: Mapping[str, float]) -> dict[str, float]:
    """Pick out of a log of the Trainer what a step was like; nothing where it tells of no step."""
    if "loss" not in logs:
        return {}
    return _keep_finite((name, logs[key]) for key, name in _LOGGED.items() if key in logs)


def read_evaluation(scores: Mapping[str, float]) -> dict[str, float]:
    """Name the scores of the validation rows."""
    return _keep_finite((f"evaluation/{name}", value) for name, value in scores.items())


def read_baseline(metrics: Metrics | None) -> dict[str, float]:
    """Name what the untouched model reaches."""
    found = metrics or Metrics()
    return {
        **_read_set("baseline", found.baseline),
        **_read_set("testBaseline", found.test_baseline),
    }


def read_summary(metrics: Metrics | None) -> dict[str, float]:
    """Name what was measured of the finished model, once and for all."""
    return _keep_finite(_list_summary(metrics or Metrics()))


def _list_summary(metrics: Metrics) -> Iterator[tuple[str, float]]:
    yield from _read_set("best", metrics.best).items()
    yield from _read_set("test", metrics.test).items()
    for fold in metrics.folds or ():
        yield f"folds/{fold.name}/mean", fold.mean
        yield f"folds/{fold.name}/standardDeviation", fold.standard_deviation
    for forgotten in metrics.forgetting or ():
        yield f"forgetting/{forgotten.name}/drop", forgotten.drop
    for gap in metrics.slices or ():
        column = _STRANGE_TO_A_NAME.sub("_", gap.column)
        yield f"slices/{column}/{gap.metric}/gap", gap.gap


def _read_set(name: str, found: list[Metric] | None) -> dict[str, float]:
    return {f"{name}/{metric.name}": metric.value for metric in found or ()}


def _keep_finite(values: Iterator[tuple[str, float]]) -> dict[str, float]:
    return {name: float(value) for name, value in values if math.isfinite(value)}
