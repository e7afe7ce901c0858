import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.checkpoints.fences import (
    FILE_NAME,
    Fence,
    Owner,
    Pace,
    describe_owner,
    find_process,
    holding,
)
from finetune_trainer.errors import InUseError, PreemptedError

IMPATIENT = Pace(beat_seconds=0.01, stale_seconds=20, look_seconds=0.01, patience_seconds=0.05)


def an_owner(pod: str, machine: str = "another machine") -> Owner:
    return replace(describe_owner(pod), machine=machine)


def go_on() -> None:
    """Is not told to stop."""


def take(folder: Path, owner: Owner, pace: Pace = IMPATIENT) -> Fence:
    fence = Fence(folder, owner, pace)
    fence.acquire(go_on)
    return fence


def die(fence: Fence) -> None:
    """Stop beating, and leave the file."""
    fence._is_over.set()
    fence._thread.join()


def make_older(folder: Path, seconds: float) -> None:
    path = folder / FILE_NAME
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_a_folder_is_held_and_left_clean(tmp_path: Path) -> None:
    with holding(tmp_path, an_owner("a"), go_on, IMPATIENT) as fence:
        fence.verify()
        assert (tmp_path / FILE_NAME).exists()

    assert list(tmp_path.iterdir()) == []


def test_a_second_pod_waits_and_gives_up_with_a_reason_of_its_own(tmp_path: Path) -> None:
    first = take(tmp_path, an_owner("a"))

    with (
        pytest.raises(InUseError, match=r"another pod \(uid a\) writes") as caught,
        holding(tmp_path, an_owner("b"), go_on, IMPATIENT),
    ):
        raise AssertionError("both hold it")

    assert caught.value.code == ExitCode.CHECKPOINTS_IN_USE
    first.verify()
    first.release()


def test_a_pod_that_leaves_lets_the_next_one_in(tmp_path: Path) -> None:
    first = take(tmp_path, an_owner("a"))
    looks = 0

    def leave_at_the_third_look() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            first.release()

    pace = replace(IMPATIENT, patience_seconds=30)
    with holding(tmp_path, an_owner("b"), leave_at_the_third_look, pace) as fence:
        fence.verify()
    assert looks == 3


def test_who_waits_can_be_told_to_stop(tmp_path: Path) -> None:
    first = take(tmp_path, an_owner("a"))

    def stop() -> None:
        raise PreemptedError("told to stop")

    with pytest.raises(PreemptedError), holding(tmp_path, an_owner("b"), stop, IMPATIENT):
        raise AssertionError("both hold it")
    first.release()


def test_an_owner_that_is_silent_for_too_long_is_dead(tmp_path: Path) -> None:
    die(take(tmp_path, an_owner("a")))
    make_older(tmp_path, 21)

    with holding(tmp_path, an_owner("b"), go_on, IMPATIENT) as fence:
        fence.verify()


def test_an_owner_that_beats_is_not_dead_however_long_it_runs(tmp_path: Path) -> None:
    first = take(tmp_path, an_owner("a"), replace(IMPATIENT, stale_seconds=0.5))
    pace = replace(IMPATIENT, stale_seconds=0.5, patience_seconds=1.0)

    with pytest.raises(InUseError):
        take(tmp_path, an_owner("b"), pace)
    first.release()


def test_a_process_of_this_machine_that_is_gone_is_dead_at_once(tmp_path: Path) -> None:
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    owner = replace(describe_owner("a"), process=f"{int(gone.stdout)}@1")
    die(take(tmp_path, owner))

    with holding(tmp_path, describe_owner("b"), go_on, IMPATIENT) as fence:
        fence.verify()


def test_a_number_that_another_process_has_now_is_no_sign_of_life(tmp_path: Path) -> None:
    die(take(tmp_path, replace(describe_owner("a"), process=f"{os.getpid()}@1")))

    with holding(tmp_path, describe_owner("b"), go_on, IMPATIENT) as fence:
        fence.verify()


def test_a_container_that_is_started_again_is_the_same_owner(tmp_path: Path) -> None:
    die(take(tmp_path, an_owner("a")))

    with holding(tmp_path, an_owner("a"), go_on, IMPATIENT) as fence:
        fence.verify()


def test_a_zombie_notices_before_it_publishes_and_leaves_the_fence_alone(tmp_path: Path) -> None:
    zombie = take(tmp_path, an_owner("a"), replace(IMPATIENT, beat_seconds=1000))
    make_older(tmp_path, 21)
    second = take(tmp_path, an_owner("b"))

    with pytest.raises(InUseError, match="took over while this one was silent"):
        zombie.verify()

    zombie.release()
    second.verify()
    second.release()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_text("{"), id="half a file"),
        pytest.param(lambda path: path.write_bytes(b""), id="an empty file"),
    ],
)
def test_a_fence_that_cannot_be_read_holds_until_it_is_stale(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    damage(tmp_path / FILE_NAME)
    with pytest.raises(InUseError, match="uid unknown"):
        take(tmp_path, an_owner("b"))
    make_older(tmp_path, 21)

    take(tmp_path, an_owner("b")).release()


def test_a_fence_that_somebody_removed_is_no_reason_to_stop(tmp_path: Path) -> None:
    fence = take(tmp_path, an_owner("a"))
    (tmp_path / FILE_NAME).unlink()

    fence.verify()
    fence.release()


def test_processes_have_names_for_all_times() -> None:
    assert find_process(os.getpid()) == describe_owner("").process
    assert find_process(2**22 + 1) is None
