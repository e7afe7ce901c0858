from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.memory import collect_memory, restore_memory, write_memory
from finetune_trainer.callbacks.overfitting import Reading, WarnOfOverfitting, find_overfitting
from finetune_trainer.reporting.board import Board

Losses = list[tuple[float, float | None]]


def readings(losses: Losses) -> list[Reading]:
    return [
        Reading(10 * n, on_validation, on_train)
        for n, (on_validation, on_train) in enumerate(losses, start=1)
    ]


@pytest.mark.parametrize(
    ("losses", "is_told"),
    [
        pytest.param([(0.4, 0.5), (0.5, 0.3), (0.6, 0.1)], True, id="two rises while it learns"),
        pytest.param([(0.4, 0.5), (0.5, 0.3)], False, id="one rise is chance"),
        pytest.param([(0.4, 0.5), (0.6, 0.3), (0.5, 0.1)], False, id="it recovers"),
        pytest.param([(0.4, 0.5), (0.5, 0.6), (0.6, 0.7)], False, id="both rise: it diverges"),
        pytest.param([(0.6, 0.5), (0.5, 0.3), (0.4, 0.1)], False, id="both fall: it learns"),
        pytest.param([(0.4, None), (0.5, 0.3), (0.6, 0.1)], False, id="not known at first"),
        pytest.param([(0.4, 0.5)], False, id="the first evaluation"),
    ],
)
def test_when_a_model_learns_by_heart(losses: Losses, is_told: bool) -> None:
    assert (find_overfitting(readings(losses)) is not None) is is_told


class ARun:
    """Logs and evaluations of a run, and what is made of them."""

    def __init__(self, folder: Path) -> None:
        self.board = Board("uid", 1)
        self.callback = WarnOfOverfitting(self.board)
        self._arguments = TrainingArguments(str(folder), use_cpu=True)
        self._step = 0

    def evaluate(self, *losses: tuple[float, float]) -> None:
        for on_validation, on_train in losses:
            self._step += 10
            state = TrainerState(global_step=self._step)
            for logged in (on_train - 0.01, on_train + 0.01):
                self.callback.on_log(self._arguments, state, TrainerControl(), {"loss": logged})
            metrics = {"eval_loss": on_validation, "eval_runtime": 1.0}
            self.callback.on_evaluate(self._arguments, state, TrainerControl(), metrics)

    @property
    def warnings(self) -> list[str]:
        resolved = self.board.snapshot().resolved
        assert resolved is not None
        return resolved.warnings


def test_it_is_said_once_and_with_the_numbers(tmp_path: Path) -> None:
    run = ARun(tmp_path)

    run.evaluate((0.4, 0.5), (0.5, 0.3), (0.6, 0.2), (0.7, 0.1))

    assert len(run.warnings) == 1
    assert "from step 10 to step 30" in run.warnings[0]
    assert "from 0.4 to 0.6, while the training loss fell from 0.5 to 0.2" in run.warnings[0]


@pytest.mark.parametrize("rises_before", [1, 2])
def test_a_restart_neither_forgets_nor_repeats_it(tmp_path: Path, rises_before: int) -> None:
    losses = [(0.4, 0.5), (0.5, 0.3), (0.6, 0.2)]
    first = ARun(tmp_path)
    first.evaluate(*losses[: 1 + rises_before])
    write_memory(tmp_path, collect_memory([first.callback]))

    second = ARun(tmp_path)
    restore_memory(tmp_path, [second.callback])
    second.evaluate(*losses[1 + rises_before :], (0.7, 0.1))

    assert len(second.warnings) == 1
