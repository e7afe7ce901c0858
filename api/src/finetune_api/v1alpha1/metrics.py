"""Which metrics a task has, which one leads, and which way is better.

Operator, trainer and command line read this table: the operator to show the leading metric, the
trainer to stop early and to keep the best model, the admission rules to refuse an unknown name.
"""

from dataclasses import dataclass
from typing import Literal

TaskName = Literal["TextClassification"]
MetricName = Literal["accuracy", "f1", "precision", "recall", "mcc", "loss"]


@dataclass(frozen=True, slots=True)
class TaskMetrics:
    """The metrics of one task.

    Attributes:
        names: what can be asked for, in the order in which it is shown.
        main: what early stopping and the best model follow unless the job says otherwise.
    """

    names: tuple[MetricName, ...]
    main: MetricName


TASK_METRICS: dict[TaskName, TaskMetrics] = {
    "TextClassification": TaskMetrics(
        names=("accuracy", "f1", "precision", "recall", "mcc", "loss"), main="f1"
    ),
}

LOWER_IS_BETTER: frozenset[MetricName] = frozenset({"loss"})


def is_greater_better(metric: MetricName) -> bool:
    """Tell the direction of a metric."""
    return metric not in LOWER_IS_BETTER
