"""Metrics of classification; macro averages, so that rare labels count as much.

Tasks with labels use it. The loss is computed here from all rows: the Trainer's own is a mean of
batch means, in which the rows of a small last batch weigh more than the others.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from finetune_trainer.evaluation.averages import average_over_labels, correlate, count_answers
from finetune_trainer.tasks.base import Scores

Array = np.ndarray[Any, Any]


def score_logits(logits: Array, targets: Array) -> Scores:
    """Score logits [rows, labels] against the numbers of the labels [rows]."""
    scores = score_numbers(targets, logits.argmax(axis=-1), logits.shape[-1])
    return scores | {"loss": _cross_entropy(logits.astype(np.float64), targets)}


def score_labels(logits: Array, written: Sequence[str], labels: tuple[str, ...]) -> Scores:
    """Score logits [rows, labels] against the labels of the rows as they are written.

    For features that are decoded when they are asked for: their numbers would cost every image.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    return score_logits(logits, np.asarray([numbers[label] for label in written]))


def score_majority(train: Sequence[str], judged: Sequence[str], labels: tuple[str, ...]) -> Scores:
    """Score the most frequent label of `train` as the answer for every row of `judged`.

    Its loss is that of guessing each label with its share in `train`: what a model knows that has
    learned nothing from the texts.
    """
    numbers = {label: number for number, label in enumerate(labels)}
    counts = Counter(train)
    targets = np.asarray([numbers[label] for label in judged])
    majority = numbers[max(labels, key=lambda label: (counts[label], -numbers[label]))]
    scores = score_numbers(targets, np.full_like(targets, majority), len(labels))
    # One added to each count: a label that train lacks would make the loss infinite.
    shares = np.log([counts[label] + 1 for label in labels])
    shares -= np.log(len(train) + len(labels))
    return scores | {"loss": float(-shares[targets].mean())}


def score_numbers(targets: Array, answers: Array, label_count: int) -> Scores:
    """Score answers by accuracy, macro precision, recall and F1, and Matthews' correlation."""
    counts = count_answers(targets, answers, label_count)
    right = np.diag(counts)
    return {
        "accuracy": float(right.sum() / counts.sum()),
        **average_over_labels(right, counts.sum(axis=0), counts.sum(axis=1)),
        "mcc": correlate(counts),
    }


def describe_logits(logits: Array, labels: tuple[str, ...]) -> list[str]:
    """Name the likeliest label of each row and its probability: `positive 0.93`."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    shares = shifted / shifted.sum(axis=-1, keepdims=True)
    return [f"{labels[row.argmax()]} {row.max():.2f}" for row in shares]


def _cross_entropy(logits: Array, targets: Array) -> float:
    highest = logits.max(axis=-1, keepdims=True)
    normalizers = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return float((normalizers - logits[np.arange(len(targets)), targets]).mean())
