"""What a job does with its data, in whole runs: bad rows, the report, augmentation and replay."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from finetune_api.contract.exit_codes import ExitCode
from trainer_jobs import TrainerJob, make_reviews, write_csv
from trainer_processes import CHECKS_BEFORE_TRAINING, PreemptAtCheck
from trainer_runs import run, run_well

REPORT = "validation_report.json"


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def results(job: TrainerJob) -> tuple[Any, bytes, Any]:
    weights = (job.output / "model.safetensors").read_bytes()
    return read(job.output / "metrics.json"), weights, read(job.output / REPORT)


@pytest.fixture
def dirty_job(job: TrainerJob) -> TrainerJob:
    """300 rows, of which the 8th has no text, the 21st no such label and the 31st two fields."""
    path = job.claim / "train.csv"
    write_csv(path, make_reviews(300))
    lines = path.read_text().splitlines()
    lines[8] = ",positive"
    lines[21] = "so so,neutral"
    lines[31] = "a comma, too many,positive"
    path.write_text("\n".join(lines) + "\n")
    return job.with_spec(
        dataset={"labels": ["negative", "positive"]}, training={"epochs": 1, "maxLength": 16}
    )


def test_bad_rows_are_left_out_and_told_everywhere(dirty_job: TrainerJob) -> None:
    report = run_well(dirty_job.with_spec(dataset={"onBadRow": "Drop"})).report

    assert report is not None
    assert report.resolved is not None
    assert report.resolved.rows == {"train": 237, "validation": 60}
    told = "3 of 300 rows of dataset.train were left out"
    assert any(warning.startswith(told) for warning in report.resolved.warnings)
    source = read(dirty_job.output / REPORT)["sources"]["dataset.train"]
    assert (source["rows"], source["dropped"]) == (300, 3)
    assert source["droppedRows"] == [
        "dataset.train (train.csv) row 31 (line 32) has 3 fields, but the header has 2",
        "row 8 of train.csv: an empty text",
        "row 21 of train.csv: the label 'neutral', which is not one of negative, positive",
    ]
    assert "3 were left out" in (dirty_job.output / "README.md").read_text()


def test_the_same_rows_fail_a_job_that_does_not_drop_them(dirty_job: TrainerJob) -> None:
    outcome = run(dirty_job)

    assert outcome.exit_code == ExitCode.BAD_DATA
    assert "row 31 (line 32) has 3 fields, but the header has 2" in outcome.message


def test_the_report_tells_what_the_data_is_like(job: TrainerJob) -> None:
    rows = make_reviews(300)
    rows[0]["label"], rows[40]["text"] = "negative", rows[20]["text"]
    job.with_train_rows(rows).with_test_rows([*make_reviews(60, 9, 900), rows[2]])

    run_well(job.with_spec(training={"epochs": 1, "maxLength": 12}))

    report = read(job.output / REPORT)
    assert report == read(job.checkpoints / REPORT)
    train = report["parts"]["train"]
    assert sum(train["labels"].values()) == train["rows"]
    assert train["encoded"]["tokens"]["maximum"] == 12
    assert 0 < train["encoded"]["truncatedShare"] < 1
    assert 1 <= report["domain"]["tokensPerWord"] < 3
    assert [leak["examples"] for leak in report["leaks"]] == [["row 61 of test.csv"]]
    card = (job.output / "README.md").read_text()
    assert all(f"- {sentence}\n" in card for sentence in report["summary"])


def test_a_job_that_fails_later_has_left_its_report(job: TrainerJob) -> None:
    outcome = run(job.with_spec(method={"freeze": {"lowestLayers": 12}}))

    assert outcome.exit_code == ExitCode.BAD_CONFIG
    report = read(job.checkpoints / REPORT)
    assert report["parts"]["train"]["rows"] == 64
    assert report["summary"][0] == "dataset.train: 80 rows were read"


def with_changing_rows(job: TrainerJob) -> TrainerJob:
    """Everything that differs from epoch to epoch at once."""
    write_csv(job.claim / "general.csv", make_reviews(40, seed=7, offset=5000))
    return job.with_spec(
        dataset={
            "augmentation": {"wordDropout": 0.2, "wordSwap": 0.1, "characterNoise": 0.05},
            "replay": {"source": "pvc://data/general.csv", "ratio": 0.2},
        },
        training={"epochs": 3},
        checkpoints={"every": "Steps", "everySteps": 5},
        earlyStopping={"enabled": False},
    )


def test_changed_and_general_rows_are_the_same_after_an_interruption(job: TrainerJob) -> None:
    report = run_well(with_changing_rows(job)).report
    assert report is not None
    assert report.resolved is not None
    assert report.resolved.rows == {"train": 64, "validation": 16, "replay": 40}
    # 64 rows and a fifth of general ones are 80: ten batches of eight in each of three epochs.
    assert report.step == 30
    expected = results(job)
    shutil.rmtree(job.output)
    shutil.rmtree(job.checkpoints)

    attempts, outcome = 0, None
    while outcome is None or not outcome.succeeded:
        attempts += 1
        # Four checks come before the first step; each attempt then does nine steps or so.
        outcome = run(job.with_attempt(attempts), PreemptAtCheck(CHECKS_BEFORE_TRAINING + 9))

    assert attempts >= 4
    assert results(job) == expected


def test_augmentation_changes_what_is_learned_and_not_what_is_judged(job: TrainerJob) -> None:
    job.with_spec(training={"epochs": 1})
    run_well(job)
    plain = read(job.output / "metrics.json")
    job.uid = "another-uid"

    run_well(job.with_spec(dataset={"augmentation": {"wordDropout": 0.5}}))

    augmented = read(job.output / "metrics.json")
    assert augmented["baseline"] == plain["baseline"]
    assert augmented["rows"] == plain["rows"]
    assert augmented["history"] != plain["history"]
