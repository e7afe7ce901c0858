"""Macro averages and Matthews' correlation, from counts.

Metrics of labels use it. The definitions are those of scikit-learn, which the tests hold them to;
importing that library brings scipy.stats along, and would take a tenth of the time to the first
step for a dozen sums.
"""

from typing import Any

import numpy as np

from finetune_trainer.tasks.base import Scores

Array = np.ndarray[Any, Any]


def average_over_labels(right: Array, given: Array, wanted: Array) -> Scores:
    """Average precision, recall and F1 over the labels that occur.

    Args:
        right: rows that have a label and were given it, by label.
        given: rows that were given it.
        wanted: rows that have it.
    """
    occurs = (given + wanted) > 0
    if not occurs.any():
        return {"f1": 0.0, "precision": 0.0, "recall": 0.0}
    right, given, wanted = right[occurs], given[occurs], wanted[occurs]
    return {
        "f1": float((2 * right / (given + wanted)).mean()),
        "precision": float((right / np.maximum(given, 1)).mean()),
        "recall": float((right / np.maximum(wanted, 1)).mean()),
    }


def correlate(counts: Array) -> float:
    """Give Matthews' correlation; 0 where one side never changes and it is not defined.

    Args:
        counts: rows by what they have and what they were given: [labels, labels].
    """
    exact = counts.astype(np.float64)
    rows, wanted, given = exact.sum(), exact.sum(axis=1), exact.sum(axis=0)
    spread = (rows**2 - (wanted**2).sum()) * (rows**2 - (given**2).sum())
    return float((np.trace(exact) * rows - wanted @ given) / spread**0.5) if spread > 0 else 0.0


def count_answers(targets: Array, answers: Array, label_count: int) -> Array:
    """Count rows by what they have and what they were given: [labels, labels]."""
    pairs = targets.astype(np.int64) * label_count + answers
    return np.bincount(pairs, minlength=label_count**2).reshape(label_count, label_count)
