from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.reporting import ReportProgress, read_scores
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.training.plans import Plan

PLAN = Plan(
    rows=160,
    steps_per_epoch=10,
    maximum_steps=20,
    warmup_steps=1,
    effective_batch_size=16,
    evaluate_every=None,
    save_every=None,
)


class ATraining:
    """Steps on a clock that is moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.now = 100.0
        self.board = Board("uid", 1)
        self.instruments = Instruments(self.board)
        self.callback = ReportProgress(
            self.board, self.instruments, PLAN, 25.0, "f1", clock=lambda: self.now
        )
        self.state = TrainerState(max_steps=20)
        self._arguments = TrainingArguments(str(folder), use_cpu=True)

    def fire(self, event: str, **kwargs: Any) -> None:
        handler = getattr(self.callback, event)
        handler(self._arguments, self.state, TrainerControl(), **kwargs)

    def step(self, seconds: float) -> None:
        self.fire("on_step_begin")
        self.now += seconds
        self.state.global_step += 1
        self.state.epoch = self.state.global_step / 10
        self.fire("on_step_end")


@pytest.fixture
def training(tmp_path: Path) -> ATraining:
    return ATraining(tmp_path)


def test_speed_and_remaining_time_follow_from_the_steps(training: ATraining) -> None:
    training.step(0.5)
    training.step(0.5)

    report = training.board.snapshot()
    assert (report.step, report.epoch) == (2, 0.2)
    assert (report.samples_per_second, report.tokens_per_second) == (32.0, 800.0)
    assert (report.eta_seconds, report.train_seconds) == (9.0, 1.0)


def test_the_time_to_fetch_a_batch_counts(training: ATraining) -> None:
    training.step(0.5)
    training.now += 0.5
    training.step(0.5)

    assert training.board.snapshot().train_seconds == 1.5


@pytest.mark.parametrize("event", ["on_save", "on_evaluate"])
def test_evaluations_and_checkpoints_are_no_training_time(training: ATraining, event: str) -> None:
    training.step(0.5)
    training.now += 30
    training.fire(event)
    training.step(0.5)

    assert training.board.snapshot().train_seconds == 1.0


def test_losses_become_the_learning_curve(training: ATraining) -> None:
    training.step(0.5)
    training.fire("on_log", logs={"loss": 0.69, "learning_rate": 1e-5, "grad_norm": 2.0})
    training.fire("on_evaluate", metrics={"eval_loss": 0.6, "eval_f1": 0.7, "eval_runtime": 3.0})

    report = training.board.snapshot()
    assert (report.loss, report.evaluation_loss, report.gradient_norm) == (0.69, 0.6, 2.0)
    assert [point.to_json_dict() for point in report.history] == [
        {"step": 1, "loss": 0.69, "evaluationLoss": 0.6, "metric": 0.7}
    ]


def test_the_curve_goes_on_after_a_restart(training: ATraining, tmp_path: Path) -> None:
    training.step(0.5)
    training.fire("on_log", logs={"loss": 0.69})

    later = ATraining(tmp_path)
    later.callback.recall(training.callback.remember())

    assert later.board.snapshot().history == training.board.snapshot().history


def test_an_evaluation_is_a_phase_and_a_sign_of_life(training: ATraining) -> None:
    training.step(0.5)
    training.fire("on_prediction_step")
    assert training.board.snapshot().phase == "Evaluate"

    training.step(0.5)
    assert training.board.snapshot().phase == "Train"


def test_only_the_metrics_of_the_task_are_scores() -> None:
    metrics = {"eval_f1": 0.5, "eval_loss": 0.6, "eval_runtime": 1.0, "epoch": 2.0}

    assert read_scores(metrics) == {"f1": 0.5, "loss": 0.6}


def test_the_training_time_of_earlier_attempts_is_added(
    training: ATraining, tmp_path: Path
) -> None:
    training.step(4.0)
    resumed = ATraining(tmp_path)

    resumed.callback.recall(training.callback.remember())
    before = resumed.board.train_seconds
    resumed.step(0.5)

    assert (before, resumed.board.train_seconds) == (4.0, 4.5)
    assert resumed.board.snapshot().eta_seconds == 9.5
    assert resumed.callback.remember()["train_seconds"] == 4.5
