from pathlib import Path

import pytest

from finetune_trainer.errors import DataError, PreemptedError, QualityGateError
from finetune_trainer.places import Places
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.tracking.records import Ended, Ending
from finetune_trainer.tracking.senders import Sender
from finetune_trainer.tracking.trackings import (
    MOST_FILE_BYTES,
    Tracking,
    open_tracking,
    telling_failures,
)
from trackers import FakeTracker
from trainer_jobs import a_trainer_job


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "model", tmp_path / "checkpoints")


@pytest.fixture
def tracker() -> FakeTracker:
    return FakeTracker()


@pytest.fixture
def tracking(tracker: FakeTracker) -> Tracking:
    tracking = Tracking((Sender("Tracker", lambda: tracker),))
    tracking.begin(0)
    return tracking


@pytest.mark.parametrize(
    ("spec", "names"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"tensorBoard": True}, ["TensorBoard"], id="TensorBoard"),
        pytest.param({"mlflow": {"uri": "http://mlflow"}}, ["MLflow"], id="MLflow"),
        pytest.param(
            {"tensorBoard": True, "mlflow": {"uri": "http://mlflow"}},
            ["TensorBoard", "MLflow"],
            id="both",
        ),
    ],
)
def test_the_job_says_which_trackers_there_are(
    tmp_path: Path, places: Places, spec: dict[str, object], names: list[str]
) -> None:
    job = a_trainer_job(tmp_path).with_spec(tracking=spec).resolve()
    board = Board("uid", 1)

    tracking = open_tracking(job, places, board.snapshot(), Instruments(board))

    assert [sender.name for sender in tracking.senders] == names


@pytest.mark.parametrize(
    ("error", "ended"),
    [
        pytest.param(PreemptedError("stopped"), "Interrupted", id="preempted"),
        pytest.param(DataError("no rows"), "Failed", id="failed"),
        pytest.param(KeyboardInterrupt(), "Failed", id="broken off"),
    ],
)
def test_an_end_that_is_no_success_is_told(
    tracking: Tracking,
    tracker: FakeTracker,
    places: Places,
    error: BaseException,
    ended: Ended,
) -> None:
    with pytest.raises(type(error)), telling_failures(tracking, places, Preemption()):
        raise error

    assert tracker.told[-1] == Ending(ended)


def test_a_rejected_model_leaves_its_card(
    tracking: Tracking, tracker: FakeTracker, places: Places
) -> None:
    places.rejected.mkdir(parents=True)
    card = places.rejected / "README.md"
    card.write_text("card")

    with pytest.raises(QualityGateError), telling_failures(tracking, places, Preemption()):
        raise QualityGateError("not good enough")

    assert tracker.told[-1] == Ending("Failed", (card,))


def test_large_files_and_weights_are_not_kept_with_a_run(
    tracking: Tracking, tracker: FakeTracker, places: Places
) -> None:
    places.output.mkdir()
    (places.output / "README.md").write_text("card")
    (places.output / "model.safetensors").write_text("weights")
    (places.output / "result.json").write_bytes(b" " * (MOST_FILE_BYTES + 1))

    tracking.end("Succeeded", places.output)

    assert tracker.told[-1] == Ending("Succeeded", (places.output / "README.md",))


def test_a_success_that_was_told_is_not_taken_back(
    tracking: Tracking, tracker: FakeTracker, places: Places
) -> None:
    tracking.end("Succeeded", places.output)

    tracking.end("Failed")

    assert tracker.told[-1] == Ending("Succeeded")
