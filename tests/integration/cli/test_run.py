"""`kubectl finetune run` as a whole, with a trainer that keeps the contract and trains nothing."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import cli_run
from cli_builders import record_console, write_job_file
from kubectl_finetune.commands.run import OutputFormat, RunOptions, run_job
from kubectl_finetune.errors import BusyError
from kubectl_finetune.local.locks import lock_directory


class Played:
    """A run that was played: what it printed and what it ended with."""

    def __init__(self, folder: Path, scenario: str, **options: object) -> None:
        self.directory = folder / "reviews"
        job_file = write_job_file(folder / "reviews.yaml")
        out, self._out = record_console(width=200)
        err, self._err = record_console(width=200)
        self.exit_code = run_job(
            RunOptions(str(job_file), **options),  # type: ignore[arg-type]  # options by name
            out,
            err,
            trainer_command=cli_run.name_fake_trainer(scenario),
        )

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def err(self) -> str:
        return self._err.getvalue()


def test_a_run_that_stops_early_tells_the_whole_story(tmp_path: Path) -> None:
    played = Played(tmp_path, "stop_early")

    assert played.exit_code == 0
    assert "loading the model" in played.out
    assert "step 20   f1 0.812   validation loss 0.4500" in played.out
    assert (
        "Stopped early at step 40 of 100: f1 did not improve for 3 evaluations;"
        " best 0.812 at step 20; saved 60 steps."
    ) in played.out
    assert "0.333 0.806 +0.473" in " ".join(played.out.split())
    assert (played.directory / "model" / "model.safetensors").read_bytes() == b"weights"
    assert f"The model is in {played.directory / 'model'}." in played.out


def test_a_finished_job_is_not_trained_again(tmp_path: Path) -> None:
    Played(tmp_path, "stop_early")

    played = Played(tmp_path, "fail_on_data")

    assert played.exit_code == 0
    assert "An earlier run finished this job; nothing was trained now." in played.out


def test_fresh_trains_a_finished_job_again(tmp_path: Path) -> None:
    Played(tmp_path, "stop_early")

    played = Played(tmp_path, "fail_on_data", fresh=True)

    assert played.exit_code == 65


def test_a_failure_is_told_with_reason_hint_and_log_and_the_trainers_code(tmp_path: Path) -> None:
    played = Played(tmp_path, "fail_on_data")

    assert played.exit_code == 65
    assert "BadData: dataset.train has no column 'text'\nhint: set columns.text\n" in played.err
    assert f"The end of {played.directory / 'trainer.log'}:" in played.err
    assert "    Traceback: the column is missing" in played.err


@pytest.mark.parametrize(
    ("scenario", "exit_code", "reason"),
    [
        pytest.param("say_nothing", 70, "NoOutcome", id="zero without a word is no success"),
        pytest.param("be_killed", 137, "Killed", id="a killed trainer"),
    ],
)
def test_a_trainer_without_last_words_is_a_failure(
    tmp_path: Path, scenario: str, exit_code: int, reason: str
) -> None:
    played = Played(tmp_path, scenario)

    assert played.exit_code == exit_code
    assert f"{reason}: " in played.err


def test_json_prints_the_outcome_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    played = Played(tmp_path, "stop_early", output=OutputFormat.JSON)

    outcome = json.loads(capsys.readouterr().out)
    assert outcome["succeeded"] is True
    assert outcome["report"]["earlyStopping"]["stoppedStep"] == 40
    assert (played.out, played.err) == ("", "")


def test_two_runs_of_one_job_do_not_write_at_once(tmp_path: Path) -> None:
    with lock_directory(tmp_path / "reviews" / ".lock"), pytest.raises(BusyError):
        Played(tmp_path, "stop_early")


@contextmanager
def start_run(folder: Path, scenario: str) -> Iterator[subprocess.Popen[str]]:
    """Start a run as a process, and go on when its trainer trains."""
    job_file = write_job_file(folder / "reviews.yaml")
    with subprocess.Popen(
        [sys.executable, cli_run.__file__, scenario, str(job_file), str(folder / "reviews")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "PATH": ""},
    ) as process:
        try:
            wait_for_line(process, "  training")
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    deadline = time.monotonic() + 30
    for line in process.stdout:
        assert time.monotonic() < deadline
        if line.startswith(wanted):
            return
    pytest.fail(f"the run ended without {wanted!r}: {process.communicate()[1]}")


def test_ctrl_c_saves_a_checkpoint_and_says_how_to_go_on(tmp_path: Path) -> None:
    with start_run(tmp_path, "save_when_told") as process:
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "stopping: the trainer saves a checkpoint first" in out
    assert "Stopped; the checkpoint of step 30 is kept." in out
    assert "To go on: kubectl-finetune run -f" in out


def test_the_second_ctrl_c_ends_a_trainer_that_does_not_listen(tmp_path: Path) -> None:
    with start_run(tmp_path, "never_stop") as process:
        process.send_signal(signal.SIGINT)
        wait_for_line(process, "  stopping")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "ending the trainer at once" in out
    with lock_directory(tmp_path / "reviews" / ".lock"):
        pass  # nobody holds the folder any more: the trainer is gone


def test_the_next_run_counts_as_the_next_attempt(tmp_path: Path) -> None:
    with start_run(tmp_path, "save_when_told") as process:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)

    Played(tmp_path, "stop_early")

    assert (tmp_path / "reviews" / ".attempt").read_text() == "2\n"


def test_a_run_that_nobody_reads_any_more_saves_before_it_ends(tmp_path: Path) -> None:
    with start_run(tmp_path, "save_when_told") as process:
        assert process.stdout is not None
        process.stdout.close()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)

    outcome = json.loads((tmp_path / "reviews" / "outcome.json").read_text())
    assert outcome["report"]["checkpoint"] == {"step": 30}
