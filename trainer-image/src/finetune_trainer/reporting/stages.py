"""Where a training lies in a job that has several: the folds of a cross-validation, and the refit.

The parts of a training count their own steps from 1. The board asks the stage to put what they say
into the steps of the whole job, so that percentage, curve and remaining time are of the job.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from finetune_api.v1alpha1.status import EarlyStoppingStatus, HistoryPoint

NO_VERDICT = {"stopped": False, "reason": None, "stopped_step": None, "steps_saved": None}


@dataclass(frozen=True, slots=True)
class Stage:
    """One training.

    Attributes:
        fold: how it is shown, 2/5 or refit; None where it is the only one.
        steps_before: steps that earlier trainings of the job took.
        steps_after: steps that later ones may take.
        seconds_before: seconds that earlier ones trained.
        is_fold: whether its model is only measured, and not kept.
    """

    fold: str | None = None
    steps_before: int = 0
    steps_after: int = 0
    seconds_before: float = 0.0
    is_fold: bool = False

    def after_seconds(self, seconds: float) -> "Stage":
        """Give the same stage after so much training."""
        return replace(self, seconds_before=seconds)

    def place(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Put what a training says into the steps of the whole job."""
        added = {
            "step": self.steps_before,
            "resumed_from_step": self.steps_before,
            "maximum_steps": self.steps_before + self.steps_after,
            "train_seconds": self.seconds_before,
        }
        placed = {
            name: value + added[name] if name in added and value is not None else value
            for name, value in changes.items()
        }
        stopping = placed.get("early_stopping")
        if self.is_fold and isinstance(stopping, EarlyStoppingStatus):
            # A fold that stops early does not stop the job.
            placed["early_stopping"] = stopping.model_copy(update=NO_VERDICT)
        return placed

    def find_news(self, warnings: Iterable[str], known: Sequence[str]) -> list[str]:
        """Choose the warnings that say something new; another fold's other numbers do not."""
        simplify = _drop_numbers if self.is_fold else str
        told = {simplify(warning) for warning in known}
        news: list[str] = []
        for warning in warnings:
            if simplify(warning) not in told:
                told.add(simplify(warning))
                news.append(warning)
        return news

    def place_point(self, point: HistoryPoint) -> HistoryPoint:
        """Put a point into the curve of the whole job."""
        return point.model_copy(update={"step": point.step + self.steps_before})


def _drop_numbers(text: str) -> str:
    return re.sub(r"\d+(\.\d+)?", "", text)
