"""Failures that are found before torch: each ends with its exit code, a reason and an outcome."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from finetune_api.contract.environment import Variable
from finetune_api.contract.exit_codes import MEANINGS, ExitCode
from finetune_trainer.__main__ import main
from finetune_trainer.preemption import Preemption
from trainer_jobs import TrainerJob, make_reviews, write_csv

Change = Callable[[TrainerJob], object]


def run(job: TrainerJob) -> int:
    return main(job.environment(), Preemption())


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        pytest.param(
            lambda job: job.with_spec(output={"destination": "pvc://data/checkpoints"}),
            ExitCode.BAD_CONFIG,
            "output.destination is pvc://data/checkpoints, which holds the checkpoints",
            id="a destination that cannot be written",
        ),
        pytest.param(
            lambda job: job.with_spec(dataset={"columns": {"text": "review"}}),
            ExitCode.BAD_DATA,
            "dataset.train (train.csv) has no column 'review'; it has text, label",
            id="a missing column",
        ),
        pytest.param(
            lambda job: job.with_spec(dataset={"labels": ["good", "bad"]}),
            ExitCode.BAD_DATA,
            "dataset.train: row 1 of train.csv",
            id="a label outside the list",
        ),
        pytest.param(
            lambda job: job.with_train_rows([]),
            ExitCode.BAD_DATA,
            "dataset.train has no rows: train.csv is empty",
            id="an empty file",
        ),
        pytest.param(
            lambda job: (job.claim / "train.csv").write_bytes(b"text,label\n\xff,a\n"),
            ExitCode.BAD_DATA,
            "dataset.train (train.csv) line 2 is not UTF-8",
            id="bytes that are no UTF-8",
        ),
        pytest.param(
            lambda job: job.with_spec(dataset={"train": {"source": "pvc://data/nope.csv"}}),
            ExitCode.NOT_FOUND,
            "dataset.train.source pvc://data/nope.csv is not there",
            id="missing data",
        ),
        pytest.param(
            lambda job: None,
            ExitCode.NOT_FOUND,
            "model.source pvc://data/base is not there",
            id="a missing model",
        ),
        pytest.param(
            lambda job: write_pickled_model(job.claim / "base"),
            ExitCode.BAD_CONFIG,
            "model.source pvc://data/base has no safetensors weights, only pytorch_model.bin",
            id="a model of pickles",
        ),
    ],
)
def test_what_can_be_refused_early_ends_with_its_code_and_words(
    job: TrainerJob, change: Change, code: ExitCode, message: str
) -> None:
    change(job)

    assert run(job) == code

    outcome = job.read_outcome()
    assert (outcome.exit_code, outcome.reason) == (code, MEANINGS[code].reason)
    assert outcome.message.startswith(message)
    assert outcome.hint
    assert not outcome.succeeded


def write_pickled_model(folder: Path) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04")


def test_a_job_file_that_is_not_there_is_not_found(job: TrainerJob) -> None:
    variables = job.environment() | {Variable.JOB_FILE: str(job.folder / "nope.json")}

    assert main(variables, Preemption()) == ExitCode.NOT_FOUND
    assert "nope.json cannot be read" in job.read_outcome().message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{oops", "the job file is no valid job", id="no JSON"),
        pytest.param("{}", "name: is required", id="nothing in it"),
    ],
)
def test_a_job_file_that_is_none_is_bad_config(job: TrainerJob, content: str, message: str) -> None:
    variables = job.environment()
    Path(variables[Variable.JOB_FILE]).write_text(content)

    assert main(variables, Preemption()) == ExitCode.BAD_CONFIG
    assert message in job.read_outcome().message


def test_a_value_that_the_api_refuses_is_named_with_its_field(job: TrainerJob) -> None:
    variables = job.environment()
    path = Path(variables[Variable.JOB_FILE])
    content = json.loads(path.read_text())
    content["spec"]["training"]["epochs"] = 0
    path.write_text(json.dumps(content))

    assert main(variables, Preemption()) == ExitCode.BAD_CONFIG
    assert "spec.training.epochs" in job.read_outcome().message


def test_a_broken_environment_still_leaves_an_outcome(job: TrainerJob) -> None:
    variables = job.environment() | {Variable.ATTEMPT: "first"}

    assert main(variables, Preemption()) == ExitCode.BAD_CONFIG
    assert "FINETUNE_ATTEMPT is 'first'" in job.read_outcome().message


def test_a_termination_log_that_cannot_be_written_changes_no_exit_code(job: TrainerJob) -> None:
    variables = job.environment() | {Variable.TERMINATION_LOG: "/proc/nope/log"}

    assert main(variables, Preemption()) == ExitCode.NOT_FOUND


def test_data_that_changes_between_attempts_is_refused(job: TrainerJob) -> None:
    folder = job.checkpoints
    folder.mkdir(parents=True)
    (folder / "pins.json").write_text(json.dumps({"data_fingerprint": "of other rows"}))

    assert run(job.with_attempt(2)) == ExitCode.BAD_DATA
    assert "the data changed since the first attempt" in job.read_outcome().message


def test_a_signal_while_data_is_read_leaves_before_the_model_is_loaded(job: TrainerJob) -> None:
    preemption = Preemption()
    preemption.request()

    assert main(job.environment(), preemption) == ExitCode.PREEMPTED
    outcome = job.read_outcome()
    assert (outcome.reason, outcome.succeeded) == ("Terminated", False)


def test_a_bug_is_an_internal_error_and_is_retried(job: TrainerJob) -> None:
    class Broken(Preemption):
        def check(self) -> None:
            raise KeyError("a bug")

    assert main(job.environment(), Broken()) == ExitCode.INTERNAL
    assert "KeyError" in job.read_outcome().message


def test_the_outcome_of_a_failure_holds_what_was_resolved(job: TrainerJob) -> None:
    write_csv(job.claim / "train.csv", make_reviews(40))

    run(job)

    report = job.read_outcome().report
    assert report is not None
    assert report.phase == "Load"
    assert report.resolved is not None
    assert report.resolved.rows == {"train": 32, "validation": 8}


def test_a_data_error_ends_the_process_before_torch_is_imported(job: TrainerJob) -> None:
    job.with_spec(dataset={"columns": {"text": "review"}})
    code = (
        "import sys; from finetune_trainer.__main__ import main; code = main();"
        "sys.exit(99 if 'torch' in sys.modules else code)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PATH": "/usr/bin", **job.environment()},
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == ExitCode.BAD_DATA
    assert "BadData: dataset.train (train.csv) has no column 'review'" in done.stderr
    assert "Traceback" not in done.stderr
