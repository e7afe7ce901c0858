"""Which metrics there are, and which way each is better.

Operator, trainer and command line read it. Which of them a task has, and which one leads, is in
`tasks`.
"""

from typing import Literal

MetricName = Literal[
    "accuracy",
    "f1",
    "precision",
    "recall",
    "mcc",
    "exactMatch",
    "rmse",
    "mae",
    "r2",
    "pearson",
    "spearman",
    "rouge1",
    "rouge2",
    "rougeL",
    "bleu",
    "chrf",
    "tokenAccuracy",
    "perplexity",
    "map",
    "map50",
    "wer",
    "cer",
    "loss",
]

LOWER_IS_BETTER: frozenset[MetricName] = frozenset(
    {"loss", "rmse", "mae", "perplexity", "wer", "cer"}
)


def is_greater_better(metric: MetricName) -> bool:
    """Tell the direction of a metric."""
    return metric not in LOWER_IS_BETTER
