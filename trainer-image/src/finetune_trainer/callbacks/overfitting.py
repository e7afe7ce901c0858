"""Says once when a model begins to learn its training rows by heart."""

import logging
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.reporting import read_scores
from finetune_trainer.reporting.board import Board

logger = logging.getLogger(__name__)
RISES = 2
"""One evaluation that is worse than the last is chance; patience is three by default."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Both losses at one evaluation.

    Attributes:
        step: when.
        evaluation_loss: on the validation rows.
        train_loss: the mean of what was logged since the evaluation before; None if nothing was.
    """

    step: int
    evaluation_loss: float
    train_loss: float | None


def find_overfitting(readings: list[Reading], rises: int = RISES) -> str | None:
    """Describe the last evaluations if they show overfitting; pure."""
    seen = readings[-rises - 1 :]
    first, last = seen[0], seen[-1]
    rose = [a.evaluation_loss < b.evaluation_loss for a, b in pairwise(seen)]
    if len(rose) < rises or not all(rose) or first.train_loss is None or last.train_loss is None:
        return None
    if last.train_loss >= first.train_loss:
        return None
    return (
        f"overfitting: from step {first.step} to step {last.step} the loss on the validation rows"
        f" rose at {rises} evaluations in a row, from {first.evaluation_loss:.4g} to"
        f" {last.evaluation_loss:.4g}, while the training loss fell from {first.train_loss:.4g} to"
        f" {last.train_loss:.4g}; add rows, train for fewer epochs, or regularise"
        " (training.weightDecay, model.dropout, method.freeze)"
    )


class WarnOfOverfitting(TrainerCallback):
    """Compares both losses. Fires at `on_log` and `on_evaluate`; writes one warning to the board.

    It stops nothing: early stopping does, by the metric that the job follows. What it has seen goes
    into every checkpoint, so that a restart neither forgets nor repeats the warning.
    """

    memory_name = "overfitting"

    def __init__(self, board: Board) -> None:
        self._board = board
        self._readings: list[Reading] = []
        self._logged: list[float] = []
        self._warning: str | None = None

    def remember(self) -> dict[str, Any]:
        """Keep what was seen and said."""
        return {
            "readings": [asdict(reading) for reading in self._readings],
            "logged": self._logged,
            "warning": self._warning,
        }

    def recall(self, memory: dict[str, Any]) -> None:
        """Take it up; the board of this attempt does not know the warning yet."""
        self._readings = [Reading(**reading) for reading in memory["readings"]]
        self._logged = list(memory["logged"])
        self._warning = memory["warning"]
        if self._warning is not None:
            self._board.warn(self._warning)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Note the training loss."""
        if logs is not None and "loss" in logs:
            self._logged.append(float(logs["loss"]))

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Compare."""
        loss = read_scores(metrics or {}).get("loss")
        if loss is None or self._warning is not None:
            return
        train_loss = sum(self._logged) / len(self._logged) if self._logged else None
        self._logged = []
        reading = Reading(state.global_step, float(loss), train_loss)
        self._readings = [*self._readings[-RISES:], reading]
        self._warning = find_overfitting(self._readings)
        if self._warning is not None:
            logger.warning("%s", self._warning)
            self._board.warn(self._warning)
