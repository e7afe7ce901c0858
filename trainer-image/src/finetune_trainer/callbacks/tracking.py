"""Tells the trackers how the training goes."""

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.reporting import read_scores
from finetune_trainer.reporting.board import Board
from finetune_trainer.tracking.scalars import read_baseline, read_evaluation, read_training
from finetune_trainer.tracking.trackings import Tracking


class TellTrackers(TrainerCallback):
    """Tells of losses, learning rates and evaluations. Fires at every log and evaluation.

    Works on the leader alone, since the others have no trackers, and never waits. What goes wrong
    with a tracker becomes a warning of the job. A checkpoint keeps what no tracker has yet, so that
    a curve has no gap where an attempt was cut short.
    """

    memory_name = "tracking"

    def __init__(self, tracking: Tracking, board: Board) -> None:
        self._tracking = tracking
        self._board = board
        self._has_begun = False

    def remember(self) -> dict[str, Any]:
        """Keep what waits to be told."""
        return self._tracking.remember()

    def recall(self, memory: dict[str, Any]) -> None:
        """Tell it now."""
        self._tracking.recall(memory)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Say where the training begins; from the start, with what the untouched model reaches."""
        self._begin(state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Tell of the steps since the last log."""
        self._tracking.log(state.global_step, read_training(logs or {}))
        self._board.warn(*self._tracking.find_problems())

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Tell of an evaluation; one that was cut short comes before the training goes on."""
        self._begin(state.global_step)
        self._tracking.log(state.global_step, read_evaluation(read_scores(metrics or {})))

    def _begin(self, step: int) -> None:
        if self._has_begun:
            return
        self._has_begun = True
        self._tracking.begin(step)
        if step == 0:
            self._tracking.log(0, read_baseline(self._board.snapshot().metrics))
