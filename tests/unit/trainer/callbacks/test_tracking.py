import json
import threading
from pathlib import Path
from typing import Any

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from finetune_trainer.callbacks.tracking import TellTrackers
from finetune_trainer.reporting.board import Board
from finetune_trainer.tracking.records import Ending, Point, Start
from finetune_trainer.tracking.senders import Sender
from finetune_trainer.tracking.trackings import NO_TRACKING, Tracking
from trackers import FakeTracker, an_outage


class ATraining:
    """A training that tells one tracker."""

    def __init__(self, folder: Path, stage: str = "") -> None:
        self.tracker = FakeTracker()
        self.sender = Sender("Tracker", lambda: self.tracker, remembers=True)
        self.board = Board("uid", 1)
        self.callback = TellTrackers(Tracking((self.sender,), stage), self.board)
        self.state = TrainerState(max_steps=20)
        self._arguments = TrainingArguments(str(folder), use_cpu=True)

    def fire(self, event: str, step: int, **kwargs: Any) -> None:
        self.state.global_step = step
        getattr(self.callback, event)(self._arguments, self.state, TrainerControl(), **kwargs)

    def read(self) -> list[Any]:
        self.sender.close(Ending("Succeeded"), 10)
        return [
            (record.stage, record.step, record.values) if isinstance(record, Point) else record
            for record in self.tracker.told[:-1]
        ]


@pytest.fixture
def training(tmp_path: Path) -> ATraining:
    return ATraining(tmp_path)


def test_a_training_is_told_from_its_baseline_on(training: ATraining) -> None:
    training.board.measure("baseline", {"f1": 0.3})

    training.fire("on_train_begin", 0)
    training.fire("on_log", 1, logs={"loss": 0.5, "learning_rate": 1e-5})
    training.fire("on_evaluate", 1, metrics={"eval_f1": 0.7, "eval_runtime": 3.0})

    assert training.read() == [
        Start("", 0),
        ("", 0, {"baseline/f1": 0.3}),
        ("", 1, {"train/loss": 0.5, "train/learningRate": 1e-5}),
        ("", 1, {"evaluation/f1": 0.7}),
    ]


def test_a_resumed_training_says_where_it_goes_on_and_tells_no_baseline_again(
    training: ATraining,
) -> None:
    training.board.measure("baseline", {"f1": 0.3})

    training.fire("on_train_begin", 8)

    assert training.read() == [Start("", 8)]


def test_an_evaluation_that_was_cut_short_is_told_before_the_training_goes_on(
    training: ATraining,
) -> None:
    training.fire("on_evaluate", 8, metrics={"eval_f1": 0.7})
    training.fire("on_train_begin", 8)

    assert training.read() == [Start("", 8), ("", 8, {"evaluation/f1": 0.7})]


def test_a_fold_is_told_under_its_name(tmp_path: Path) -> None:
    training = ATraining(tmp_path, "fold-1")

    training.fire("on_train_begin", 0)
    training.fire("on_log", 1, logs={"loss": 0.5})

    assert training.read() == [Start("fold-1", 0), ("fold-1", 1, {"train/loss": 0.5})]


def test_what_a_tracker_did_not_get_is_told_by_the_next_attempt(
    training: ATraining, tmp_path: Path
) -> None:
    training.tracker.gate = threading.Event()
    training.fire("on_train_begin", 0)
    training.fire("on_log", 1, logs={"loss": 0.5})
    later = ATraining(tmp_path)

    later.callback.recall(json.loads(json.dumps(training.callback.remember())))
    later.fire("on_train_begin", 1)

    assert later.read() == [("", 1, {"train/loss": 0.5}), Start("", 1)]
    training.tracker.gate.set()


def test_a_tracker_that_is_down_becomes_a_warning_of_the_job(training: ATraining) -> None:
    training.tracker.errors = an_outage(1, is_final=True)

    training.fire("on_train_begin", 0)
    training.sender.settle(10)
    training.fire("on_log", 1, logs={"loss": 0.5})
    training.fire("on_log", 2, logs={"loss": 0.4})

    resolved = training.board.snapshot().resolved
    assert resolved is not None
    assert list(resolved.warnings) == [
        "Tracker: it is down; the training goes on without it. Mend it"
    ]


def test_without_trackers_nothing_is_told(tmp_path: Path) -> None:
    board = Board("uid", 1)
    callback = TellTrackers(NO_TRACKING, board)
    arguments, state = TrainingArguments(str(tmp_path), use_cpu=True), TrainerState()

    callback.on_train_begin(arguments, state, TrainerControl())
    callback.on_log(arguments, state, TrainerControl(), logs={"loss": 0.5})

    assert board.snapshot().resolved is not None
