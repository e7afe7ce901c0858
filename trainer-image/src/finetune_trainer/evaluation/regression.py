"""Metrics of numbers.

TextRegression uses it. The two correlations say whether the order is right, which is what a ranking
or a recommendation needs, even where the numbers themselves are off.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from finetune_trainer.tasks.base import Scores

Array = np.ndarray[Any, Any]


def score_numbers(answers: Array, targets: Array) -> Scores:
    """Score numbers [rows] against those of the rows; the loss is the mean squared error."""
    exact, wanted = answers.astype(np.float64), targets.astype(np.float64)
    squared = float(np.square(wanted - exact).mean())
    spread = float(wanted.var())
    return {
        "rmse": squared**0.5,
        "mae": float(np.abs(wanted - exact).mean()),
        # Where all rows have one number there is no variance that could be explained.
        "r2": 1 - squared / spread if not _is_constant(wanted) else 0.0,
        "pearson": _correlate(exact, wanted),
        "spearman": _correlate(_rank(exact), _rank(wanted)),
        "loss": squared,
    }


def score_mean(train: Sequence[float], judged: Sequence[float]) -> Scores:
    """Score the mean of `train` as the answer for every row of `judged`."""
    guess = float(np.mean(np.asarray(train, dtype=np.float64)))
    return score_numbers(np.full(len(judged), guess), np.asarray(judged, dtype=np.float64))


def _correlate(first: Array, second: Array) -> float:
    """Give Pearson's correlation; 0 where one side never changes and it is not defined."""
    if _is_constant(first) or _is_constant(second):
        return 0.0
    products = (first - first.mean()) * (second - second.mean())
    return float(products.mean() / (first.std() * second.std()))


def _is_constant(values: Array) -> bool:
    # The mean of equal numbers is off by a rounding error, and so is their deviation from it.
    return bool(np.ptp(values) <= 1e-9 * np.abs(values).max())


def _rank(values: Array) -> Array:
    """Number the values by size; equal ones share the mean of their numbers."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[places])
