from dataclasses import replace
from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from finetune_api.v1alpha1.status import EarlyStoppingStatus
from finetune_trainer.callbacks.early_stopping import StopEarly
from finetune_trainer.callbacks.memory import collect_memory, restore_memory, write_memory
from finetune_trainer.checkpoints.best import BestKeeper, Ranking
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.reporting.board import Board
from finetune_trainer.training.stopping import Policy

POLICY = Policy(metric="f1", greater_is_better=True, patience=2)


class ARun:
    """Evaluations of a run, and what early stopping makes of them."""

    def __init__(self, folder: Path, policy: Policy = POLICY) -> None:
        self.board = Board("uid", 1)
        self.saved: list[int] = []
        self.control = TrainerControl()
        keeper = BestKeeper(folder, Identity("u", "c", "d"), Ranking("f1", True))
        keeper.find()
        self.step = 0
        self.callback = StopEarly(policy, keeper, self.board, self._save, maximum_steps=100)
        self._arguments = TrainingArguments(str(folder), use_cpu=True)

    def evaluate(self, *values: float) -> None:
        for value in values:
            self.step += 10
            self.callback.on_evaluate(
                self._arguments,
                TrainerState(global_step=self.step),
                self.control,
                metrics={"eval_f1": value, "eval_loss": 0.5, "eval_runtime": 9.0},
            )

    def _save(self, folder: Path) -> None:
        self.saved.append(self.step)
        (folder / "model.safetensors").write_text("weights")

    @property
    def status(self) -> EarlyStoppingStatus:
        status = self.board.snapshot().early_stopping
        assert status is not None
        return status


def test_the_best_weights_are_written_the_moment_they_are_the_best(tmp_path: Path) -> None:
    run = ARun(tmp_path)

    run.evaluate(0.5, 0.7, 0.6)

    assert run.saved == [10, 20]
    assert [path.name for path in tmp_path.iterdir()] == ["best-20"]


def test_a_stop_is_reported_with_what_it_saved(tmp_path: Path) -> None:
    run = ARun(tmp_path)

    run.evaluate(0.5, 0.7, 0.6, 0.6)

    assert run.control.should_training_stop
    assert run.status == EarlyStoppingStatus(
        metric="f1",
        best=0.7,
        best_step=20,
        patience_remaining=0,
        stopped=True,
        reason="NoImprovement",
        stopped_step=40,
        steps_saved=60,
    )


def test_while_it_goes_on_patience_is_reported(tmp_path: Path) -> None:
    run = ARun(tmp_path)

    run.evaluate(0.5, 0.4)

    assert not run.control.should_training_stop
    assert (run.status.patience_remaining, run.status.stopped) == (1, False)


def test_patience_survives_a_restart(tmp_path: Path) -> None:
    first = ARun(tmp_path)
    first.evaluate(0.7, 0.6)
    memory = tmp_path / "checkpoint"
    memory.mkdir()
    write_memory(memory, collect_memory([first.callback]))

    second = ARun(tmp_path)
    restore_memory(memory, [second.callback])
    second.step = 20
    second.evaluate(0.65)

    assert second.control.should_training_stop
    assert (second.status.best, second.status.best_step) == (0.7, 10)


def test_the_step_that_is_done_again_does_not_cost_patience(tmp_path: Path) -> None:
    """Killed between the best model and the checkpoint: the same evaluation comes a second time."""
    first = ARun(tmp_path)
    first.evaluate(0.5)
    memory = tmp_path / "checkpoint"
    memory.mkdir()
    write_memory(memory, collect_memory([first.callback]))
    first.evaluate(0.7)

    second = ARun(tmp_path)
    restore_memory(memory, [second.callback])
    second.step = 10
    second.evaluate(0.7)

    assert (second.status.best, second.status.best_step) == (0.7, 20)
    assert second.status.patience_remaining == 2


@pytest.mark.parametrize("stopped", [True, False])
def test_a_stop_is_remembered(tmp_path: Path, stopped: bool) -> None:
    first = ARun(tmp_path)
    first.evaluate(*[0.7, 0.6, 0.6][: 3 if stopped else 2])

    second = ARun(tmp_path)
    second.callback.recall(first.callback.remember())

    assert (second.callback.state.stopped is not None) is stopped
    assert second.callback.state == first.callback.state


def test_time_that_is_up_stops_at_the_next_evaluation(tmp_path: Path) -> None:
    run = ARun(tmp_path, replace(POLICY, time_budget_seconds=60))
    run.board.update(train_seconds=59.0)
    run.evaluate(0.5)
    assert not run.control.should_training_stop

    run.board.update(train_seconds=61.0)
    run.evaluate(0.6)

    assert run.control.should_training_stop
    assert (run.status.reason, run.status.stopped_step) == ("TimeBudget", 20)
