"""Metrics of rows with several labels each; macro averages over the labels.

TextClassification uses it where a job names dataset.columns.labels. A label counts as given when
the model finds it at least as likely as not.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from finetune_trainer.evaluation.averages import average_over_labels, correlate, count_answers
from finetune_trainer.tasks.base import Scores

Array = np.ndarray[Any, Any]
THRESHOLD = 0.5


def mark_labels(rows: Sequence[Sequence[str]], labels: tuple[str, ...]) -> Array:
    """Give a one for each label that a row has, a zero for the others: [rows, labels]."""
    numbers = {label: number for number, label in enumerate(labels)}
    marks = np.zeros((len(rows), len(labels)), dtype=np.float32)
    for line, row in zip(marks, rows, strict=True):
        line[[numbers[label] for label in row]] = 1
    return marks


def score_logits(logits: Array, targets: Array) -> Scores:
    """Score logits against marks, both [rows, labels]."""
    exact = logits.astype(np.float64)
    # log(1 + exp(x)) - x for a label that is there, without overflow.
    losses = np.logaddexp(0, exact) - exact * targets
    scores = _score_marks(targets.astype(np.int64), (_to_shares(exact) >= THRESHOLD).astype(int))
    return scores | {"loss": float(losses.mean())}


def score_commonest(
    train: Sequence[Sequence[str]], judged: Sequence[Sequence[str]], labels: tuple[str, ...]
) -> Scores:
    """Score the commonest set of labels in `train` as the answer for every row of `judged`.

    Its loss is that of guessing each label with its share in `train`.
    """
    counts = Counter(tuple(sorted(row)) for row in train)
    commonest = min(counts, key=lambda row: (-counts[row], row))
    targets = mark_labels(judged, labels)
    guess = np.tile(mark_labels([commonest], labels), (len(judged), 1))
    # One added on either side: a label that train lacks would make the loss infinite.
    shares = (mark_labels(train, labels).sum(axis=0, dtype=np.float64) + 1) / (len(train) + 2)
    losses = -(targets * np.log(shares) + (1 - targets) * np.log1p(-shares))
    scores = _score_marks(targets.astype(np.int64), guess.astype(np.int64))
    return scores | {"loss": float(losses.mean())}


def describe_logits(logits: Array, labels: tuple[str, ...]) -> list[str]:
    """Name the labels of each row, the likeliest first: `funny 0.93, short 0.61`, or `none`."""
    return [_describe(row, labels) for row in _to_shares(logits.astype(np.float64))]


def _describe(shares: Array, labels: tuple[str, ...]) -> str:
    given = [number for number in np.argsort(-shares, kind="stable") if shares[number] >= THRESHOLD]
    return ", ".join(f"{labels[number]} {shares[number]:.2f}" for number in given) or "none"


def _to_shares(logits: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -logits)))


def _score_marks(targets: Array, answers: Array) -> Scores:
    """Score marks by the share of rows that are right as a whole, and the macro averages.

    Matthews' correlation is that over all decisions, one for each row and label.
    """
    right = (targets * answers).sum(axis=0)
    decisions = count_answers(targets.ravel(), answers.ravel(), 2)
    return {
        "accuracy": float((targets == answers).all(axis=1).mean()),
        **average_over_labels(right, answers.sum(axis=0), targets.sum(axis=0)),
        "mcc": correlate(decisions),
    }
