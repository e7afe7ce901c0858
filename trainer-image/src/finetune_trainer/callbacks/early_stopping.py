"""Keeps the best model, and stops a run that gets no better."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_api.v1alpha1.status import EarlyStoppingStatus
from finetune_trainer.callbacks.reporting import read_scores
from finetune_trainer.checkpoints.best import BestKeeper
from finetune_trainer.reporting.board import Board
from finetune_trainer.tasks.base import Scores
from finetune_trainer.training.stopping import (
    Policy,
    StoppingState,
    StopReason,
    count_patience,
    judge,
)

SaveWeights = Callable[[Path], None]


class StopEarly(TrainerCallback):
    """Judges every evaluation. Fires at `on_evaluate`.

    Writes the weights the moment they are the best so far, whatever the interval of checkpoints,
    and sets `control.should_training_stop` when patience or time runs out or the target is reached.
    The state goes into every checkpoint; the time is the one on the board, which `ReportProgress`
    keeps over all attempts.
    """

    memory_name = "early_stopping"

    def __init__(
        self,
        policy: Policy,
        keeper: BestKeeper,
        board: Board,
        save_weights: SaveWeights,
        maximum_steps: int,
        choose_scores: Callable[[Scores], Scores] = dict,
    ) -> None:
        """Connect the parts.

        Args:
            policy: when to stop.
            keeper: keeps the weights of the best model.
            board: is told about best value and patience.
            save_weights: writes the present weights into a folder.
            maximum_steps: the steps of a run that is not stopped.
            choose_scores: keeps the metrics that shall be reported.
        """
        self.state = StoppingState()
        self._policy = policy
        self._keeper = keeper
        self._board = board
        self._save_weights = save_weights
        self._maximum_steps = maximum_steps
        self._choose_scores = choose_scores

    def remember(self) -> dict[str, Any]:
        """Keep what patience counts."""
        return asdict(self.state)

    def recall(self, memory: dict[str, Any]) -> None:
        """Take up the count where it was."""
        stopped = memory.get("stopped")
        self.state = StoppingState(**memory | {"stopped": StopReason(stopped) if stopped else None})
        self._report()

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Judge an evaluation."""
        scores = read_scores(metrics or {})
        value = scores[self._policy.metric]
        ranks = self._keeper.ranks  # they stop together, whatever their clocks say
        if ranks.lead(lambda: self._keeper.is_better(value)):
            self._keeper.keep(state.global_step, scores, self._save_weights)
        self.state = ranks.lead(
            lambda: judge(
                self._policy,
                self.state,
                value,
                state.global_step,
                self._maximum_steps,
                self._board.train_seconds,
            )
        )
        self._report()
        if self.state.stopped is not None:
            control.should_training_stop = True

    def _report(self) -> None:
        best = self._keeper.best
        stopped_step = self.state.stopped_step
        self._board.update(
            early_stopping=EarlyStoppingStatus(
                metric=self._policy.metric,
                best=round(best.value, 6) if best else None,
                best_step=best.step if best else None,
                patience_remaining=count_patience(self._policy, self.state),
                stopped=self.state.stopped is not None,
                reason=self.state.stopped,
                stopped_step=stopped_step,
                steps_saved=self._maximum_steps - stopped_step if stopped_step else None,
            )
        )
        if best:
            self._board.measure("best", self._choose_scores(best.scores))
