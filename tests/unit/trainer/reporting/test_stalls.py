import threading
from pathlib import Path

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.errors import StalledError
from finetune_trainer.reporting.board import Board, Sign
from finetune_trainer.reporting.stalls import (
    Idleness,
    StallWatch,
    Work,
    describe_stall,
    measure_own_work,
)

STEPPING = Sign(count=7, phase="Train", is_stepping=True)
LOADING = Sign(count=7, phase="Load", is_stepping=False)
NOTHING = Work(100.0, 10**9)
BUSY = Work(105.0, 10**9)
MOVING = Work(100.0, 10**9 + 10 * 2**20)


@pytest.mark.parametrize(
    ("before", "now", "work", "idle_seconds"),
    [
        pytest.param(STEPPING, STEPPING, NOTHING, 35.0, id="no step"),
        pytest.param(STEPPING, Sign(8, "Train", True), NOTHING, 0.0, id="a step"),
        pytest.param(STEPPING, STEPPING, BUSY, 35.0, id="a loop that waits in vain is no step"),
        pytest.param(LOADING, LOADING, NOTHING, 35.0, id="a download that stands still"),
        pytest.param(LOADING, LOADING, BUSY, 0.0, id="rows are tokenized"),
        pytest.param(LOADING, LOADING, MOVING, 0.0, id="weights are read"),
        pytest.param(LOADING, Sign(8, "Train", False), NOTHING, 0.0, id="the next phase"),
        pytest.param(
            Sign(8, "Train", False), Sign(8, "Train", False), BUSY, 0.0, id="a model is compiled"
        ),
    ],
)
def test_signs_of_life(before: Sign, now: Sign, work: Work, idle_seconds: float) -> None:
    idleness = Idleness(before, NOTHING, seconds=25.0)

    assert idleness.look(now, work, 10.0).seconds == idle_seconds


def test_work_counts_since_the_last_look_only() -> None:
    """The server of the report uses a little CPU time, which adds up over the hours."""
    idleness = Idleness(LOADING, Work())

    for look in range(1, 101):
        idleness = idleness.look(LOADING, Work(cpu_seconds=0.02 * look, bytes=100 * look), 10.0)

    assert idleness.seconds == 1000.0


def test_the_board_tells_which_phases_have_steps() -> None:
    board = Board("uid", 1)
    board.enter("Train")
    before = board.read_sign()

    board.mark_step(step=1)
    board.enter("Evaluate")
    evaluating = board.read_sign()
    board.enter("Train")

    assert (before.is_stepping, evaluating.is_stepping) == (False, False)
    assert board.read_sign().is_stepping
    assert before.count < evaluating.count < board.read_sign().count


def test_a_silent_process_is_ended_once_with_what_it_did_last() -> None:
    board, ended = Board("uid", 1), threading.Event()
    errors: list[StalledError] = []

    def end(error: StalledError) -> None:
        errors.append(error)
        ended.set()

    board.enter("Load")
    watch = StallWatch(board, 0.1, end, measure_work=Work)
    watch.start()

    assert ended.wait(10)
    watch.close()
    (error,) = errors
    assert error.code == ExitCode.STALLED
    assert "no sign of life for 0.1 s in phase Load" in str(error)


def test_a_process_that_steps_is_left_alone() -> None:
    board, looks = Board("uid", 1), 0
    enough = threading.Event()

    def step_at_each_look() -> Work:
        nonlocal looks
        looks += 1
        board.mark_step(step=looks)
        if looks > 40:  # twice the limit
            enough.set()
        return Work()

    errors: list[StalledError] = []
    watch = StallWatch(board, 0.2, errors.append, measure_work=step_at_each_look)
    watch.start()

    assert enough.wait(10)
    watch.close()
    assert not errors


def test_no_limit_is_no_watch() -> None:
    before = threading.active_count()
    watch = StallWatch(Board("uid", 1), 0, lambda error: None)

    watch.start()

    assert threading.active_count() == before
    watch.close()


def test_the_hint_names_the_field() -> None:
    error = describe_stall(Idleness(STEPPING, NOTHING, 1800.0), 1800)

    assert str(error) == "no sign of life for 1800 s in phase Train: no step"
    assert error.hint is not None
    assert "stallTimeoutSeconds" in error.hint


def test_the_work_of_this_process_is_measured(tmp_path: Path) -> None:
    before = measure_own_work()
    (tmp_path / "file").write_bytes(b"x" * 2**20)
    after = measure_own_work()

    assert after.bytes - before.bytes >= 2**20
    assert after.cpu_seconds >= before.cpu_seconds
    assert measure_own_work(tmp_path / "nowhere").bytes == 0
