"""Keeps the board and the instruments up to date while the Trainer runs."""

import resource
import time
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune_api.v1alpha1.status import HistoryPoint
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.training.plans import Plan

EVALUATION_PREFIX = "eval_"
SHORTEST_STEP_SECONDS = 1e-6


class ReportProgress(TrainerCallback):
    """Reports steps, speed and losses. Fires at every step, log and evaluation.

    Per step it only reads a clock and replaces a few numbers: no tensor is looked at, which would
    wait for the GPU. Losses are the ones that the Trainer logs anyway. Time spent in evaluations
    and checkpoints does not count as training time; that of earlier attempts does.
    """

    memory_name = "report"

    def __init__(
        self,
        board: Board,
        instruments: Instruments,
        plan: Plan,
        tokens_per_row: float,
        followed: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect the board.

        Args:
            board: gets the numbers for /progress.
            instruments: gets the durations for /metrics.
            plan: knows the steps of the job.
            tokens_per_row: mean length of the training rows; 0 where they are no texts.
            followed: the early-stopping metric, for the learning curve.
            clock: seconds, monotonic.
        """
        self._board = board
        self._instruments = instruments
        self._plan = plan
        self._tokens_per_row = tokens_per_row
        self._followed = followed
        self._clock = clock
        self._step_began: float | None = None
        self._train_seconds = 0.0
        self._earlier_seconds = 0.0
        self._steps_done = 0

    def remember(self) -> dict[str, Any]:
        """Keep the learning curve, and how long it took."""
        return {
            "history": [point.to_json_dict() for point in self._board.snapshot().history],
            "train_seconds": self._earlier_seconds + self._train_seconds,
        }

    def recall(self, memory: dict[str, Any]) -> None:
        """Continue the learning curve."""
        points = [HistoryPoint.model_validate(point) for point in memory["history"]]
        self._board.restore_points(points)
        self._earlier_seconds = memory.get("train_seconds", 0.0)
        self._board.update(train_seconds=round(self._earlier_seconds, 3))

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock, unless it runs since the last step: fetching a batch counts too."""
        if self._step_began is None:
            self._step_began = self._clock()
        self._board.enter("Train")

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Report the step and the speed so far."""
        now = self._clock()
        seconds = now - (now if self._step_began is None else self._step_began)
        self._step_began = now
        self._train_seconds += seconds
        self._steps_done += 1
        self._instruments.step_duration.observe(seconds)
        rows = self._plan.effective_batch_size
        self._instruments.tokens.inc(rows * self._tokens_per_row)
        per_step = max(self._train_seconds / self._steps_done, SHORTEST_STEP_SECONDS)
        self._board.mark_step(
            step=state.global_step,
            epoch=round(state.epoch or 0.0, 4),
            samples_per_second=round(rows / per_step, 2),
            tokens_per_second=round(rows * self._tokens_per_row / per_step, 1) or None,
            eta_seconds=round(per_step * self._count_steps_left(state.global_step), 1),
            train_seconds=round(self._earlier_seconds + self._train_seconds, 3),
        )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Stop the clock: a checkpoint is no training."""
        self._step_began = None

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Report the loss, averaged by the Trainer since its last log."""
        if logs is None or "loss" not in logs:
            return
        self._board.update(
            loss=_round(logs["loss"]),
            learning_rate=logs.get("learning_rate"),
            gradient_norm=_round(logs.get("grad_norm")),
        )
        self._board.add_point(HistoryPoint(step=state.global_step, loss=_round(logs["loss"])))
        self._report_memory()

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Give a sign of life while evaluating."""
        if self._board.snapshot().phase == "Train":
            self._board.enter("Evaluate")
        self._board.mark_step()

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Report the validation metrics, and stop the clock."""
        self._step_began = None
        scores = read_scores(metrics or {})
        for name, value in scores.items():
            self._instruments.eval_metric.labels(name).set(value)
        self._board.update(evaluation_loss=_round(scores.get("loss")))
        point = HistoryPoint(
            step=state.global_step,
            evaluation_loss=_round(scores.get("loss")),
            metric=_round(scores.get(self._followed)),
        )
        self._board.add_point(point)

    def _count_steps_left(self, step: int) -> int:
        return self._plan.last_step - step + self._board.steps_after

    def _report_memory(self) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        self._instruments.memory_bytes.labels("rss").set(peak)


def read_scores(metrics: dict[str, float], prefix: str = EVALUATION_PREFIX) -> dict[str, float]:
    """Pick the metrics of the task out of what the Trainer gives, which adds times of its own."""
    own = {"runtime", "samples_per_second", "steps_per_second", "model_preparation_time"}
    return {
        name: value
        for key, value in metrics.items()
        if key.startswith(prefix) and (name := key.removeprefix(prefix)) not in own
    }


def _round(value: float | None) -> float | None:
    return None if value is None else round(float(value), 6)
