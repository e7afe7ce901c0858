from pathlib import Path
from typing import Any

import pytest
from tensorboard.summary.writer import event_file_writer

from finetune_trainer.tracking.event_files import FOLDER_NAME, EventFiles, copy_event_files
from finetune_trainer.tracking.records import Ending, Start, TrackingError
from trackers import FACTS, a_point
from tracking_readers import read_scalars, read_texts


@pytest.fixture(autouse=True)
def first_files_of_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of one second and one process are sorted by their number, and 10 comes before 9."""
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))


def write(folder: Path, start: Start, *points: Any) -> EventFiles:
    """Write an attempt, which is then left without an end, as a kill leaves it."""
    files = EventFiles(folder, FACTS)
    files.begin(start)
    files.write(points)
    return files


def test_points_are_read_back(tmp_path: Path) -> None:
    files = write(tmp_path, Start("", 0), a_point(1, loss=0.5), a_point(2, loss=0.25))

    files.end(Ending("Succeeded"))

    assert read_scalars(tmp_path) == {"loss": [(1, 0.5), (2, 0.25)]}


def test_points_can_be_read_while_the_training_runs(tmp_path: Path) -> None:
    write(tmp_path, Start("", 0), a_point(1, loss=0.5))

    assert read_scalars(tmp_path) == {"loss": [(1, 0.5)]}


def test_steps_that_come_again_are_there_once(tmp_path: Path) -> None:
    write(tmp_path, Start("", 0), *(a_point(step, loss=0.5) for step in (1, 2, 3, 4)))

    write(tmp_path, Start("", 2), *(a_point(step, loss=0.25) for step in (3, 4, 5)))

    assert read_scalars(tmp_path) == {"loss": [(1, 0.5), (2, 0.5), (3, 0.25), (4, 0.25), (5, 0.25)]}


def test_an_attempt_that_begins_anew_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    write(tmp_path, Start("", 0), a_point(0, f1=0.5), a_point(1, loss=0.5))

    write(tmp_path, Start("", 0), a_point(0, f1=0.75))

    assert read_scalars(tmp_path) == {"f1": [(0, 0.75)]}


def test_a_training_that_was_over_keeps_what_it_has(tmp_path: Path) -> None:
    write(tmp_path, Start("", 0), a_point(1, loss=0.5))

    EventFiles(tmp_path, FACTS).write([a_point(1, f1=0.75)])

    assert read_scalars(tmp_path) == {"loss": [(1, 0.5)], "f1": [(1, 0.75)]}


def test_each_fold_is_a_run_of_its_own(tmp_path: Path) -> None:
    files = EventFiles(tmp_path, FACTS)
    for stage in ("fold-1", "fold-2"):
        files.begin(Start(stage, 0))
        files.write([a_point(1, stage, loss=0.5)])

    assert read_scalars(tmp_path / "fold-2") == {"loss": [(1, 0.5)]}


def test_the_job_is_shown_as_a_table(tmp_path: Path) -> None:
    write(tmp_path, Start("", 0))

    (table,) = read_texts(tmp_path, "job")
    assert '| training.learningRate | "2e-05" |' in table


def test_a_volume_that_cannot_be_written_is_told_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file")

    with pytest.raises(TrackingError, match="cannot be written") as caught:
        EventFiles(tmp_path / "tensorboard", FACTS).begin(Start("", 0))

    assert "volume of the checkpoints" in caught.value.hint


def test_a_model_gets_a_copy(tmp_path: Path) -> None:
    write(tmp_path / "checkpoints" / FOLDER_NAME, Start("", 0), a_point(1, loss=0.5))
    (tmp_path / "model").mkdir()

    copy_event_files(tmp_path / "checkpoints", tmp_path / "model")

    assert read_scalars(tmp_path / "model" / FOLDER_NAME) == {"loss": [(1, 0.5)]}
