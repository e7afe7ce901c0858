"""A leashed process never outlives what it is tied to."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from devcluster.errors import StartError
from devcluster.leashed_processes import LeashedProcess, build_command


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param("exit 7", 7, id="its exit code"),
        pytest.param("kill -TERM $$", 143, id="its signal"),
        pytest.param("setsid sleep 1000 & exit 3", 3, id="children do not hold it up"),
    ],
)
def test_the_leash_ends_as_its_command_does(script: str, code: int) -> None:
    leash = subprocess.Popen(build_command(["sh", "-c", script]), stdin=subprocess.PIPE)
    assert leash.stdin

    with leash.stdin:
        assert leash.wait(timeout=30) == code


def test_a_command_that_cannot_start_is_explained() -> None:
    leash = subprocess.Popen(
        build_command(["no-such-program"]), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert leash.stdin
    assert leash.stderr

    with leash.stdin, leash.stderr:
        assert "cannot start 'no-such-program'" in leash.stderr.read()
        assert leash.wait(timeout=30) == 128


def test_letting_go_of_the_leash_kills_children_in_sessions_of_their_own(tmp_path: Path) -> None:
    script = f"trap '' TERM; setsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 1000' & wait"
    leash = subprocess.Popen(
        build_command(["sh", "-c", script]), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert leash.stdin
    assert leash.stdout

    leash.stdin.close()  # as the kernel does when the owner dies

    # Nobody is left to hold the other end of stdout open.
    assert leash.stdout.read() == b""
    assert leash.wait() == 137
    leash.stdout.close()


def test_sigterm_reaches_the_command_and_sigkill_follows(tmp_path: Path) -> None:
    script = (
        f"trap 'echo told > {tmp_path}/told' TERM; echo > {tmp_path}/ready; "
        "while :; do sleep 0.05; done"
    )
    process = LeashedProcess("stubborn", ["sh", "-c", script], tmp_path / "log")
    wait_for_file(tmp_path / "ready")

    assert process.stop(grace_seconds=0.3) == 128 + signal.SIGKILL
    assert (tmp_path / "told").exists()


def wait_for_file(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} does not appear"
        time.sleep(0.01)


def test_a_process_that_ended_is_reported_with_its_log(tmp_path: Path) -> None:
    process = LeashedProcess("part", ["sh", "-c", "echo oh no; exit 9"], tmp_path / "log")
    process.wait(timeout_seconds=30)

    with pytest.raises(StartError, match=r"part ended with exit code 9; [^$]*oh no"):
        process.check_running()
