"""Cross-validation as a whole: the folds, the refit, and an interruption anywhere in between."""

import gc
import json
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
import transformers

from finetune_api.contract.exit_codes import ExitCode
from finetune_trainer.errors import PreemptedError
from finetune_trainer.preemption import Preemption
from trainer_jobs import TrainerJob, make_reviews
from trainer_processes import CHECKS_BEFORE_TRAINING, PreemptAtCheck
from trainer_runs import run


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def read_results(job: TrainerJob) -> tuple[Any, Any, bytes]:
    return (
        read_json(job.output / "metrics.json"),
        read_json(job.output / "folds.json"),
        (job.output / "model.safetensors").read_bytes(),
    )


@pytest.fixture
def folds_job(job: TrainerJob) -> TrainerJob:
    """3 folds of 40 or so rows, 2 epochs of 5 steps each, and a test part."""
    job.with_train_rows(make_reviews(60)).with_test_rows(make_reviews(30, seed=9, offset=900))
    return job.with_spec(
        dataset={"validation": {"folds": 3}},
        training={"learningRate": 0.003},
        checkpoints={"every": "Steps", "everySteps": 3},
    )


def test_folds_are_measured_and_the_model_learns_from_all_rows(folds_job: TrainerJob) -> None:
    outcome = run(folds_job)

    assert outcome.succeeded, outcome.message
    report = outcome.report
    assert report is not None
    assert report.metrics is not None
    found = read_json(folds_job.output / "folds.json")
    assert [fold["number"] for fold in found["folds"]] == [1, 2, 3]
    assert sum(fold["rows"]["validation"] for fold in found["folds"]) == 60
    assert all(sum(fold["rows"].values()) == 60 for fold in found["folds"])
    scores = [fold["scores"]["f1"] for fold in found["folds"]]
    (f1,) = [metric for metric in report.metrics.folds or [] if metric.name == "f1"]
    assert (f1.mean, f1.folds) == (pytest.approx(sum(scores) / 3, abs=1e-6), 3)
    refit_steps = round(sum(fold["bestStep"] for fold in found["folds"]) / 3)
    assert found["refitSteps"] == refit_steps
    assert report.step == report.maximum_steps
    assert report.step == sum(fold["steps"] for fold in found["folds"]) + refit_steps
    assert report.metrics.best is None
    assert report.metrics.test
    assert report.metrics.baseline
    assert report.resolved is not None
    assert report.resolved.rows == {"train": 60, "test": 30}
    assert report.early_stopping is not None
    assert not report.early_stopping.stopped
    assert f"f1 {f1.mean:.4f} ± {f1.standard_deviation:.4f} over 3 folds" in outcome.message
    assert "folds" in {artifact.name for artifact in outcome.artifacts}
    card = (folds_job.output / "README.md").read_text()
    assert f"| f1 | {f1.mean:.4f} | {f1.standard_deviation:.4f} | 3 |" in card


def test_a_job_that_is_interrupted_in_every_fold_gives_the_same_model(
    folds_job: TrainerJob,
) -> None:
    assert run(folds_job).succeeded
    expected = read_results(folds_job)
    shutil.rmtree(folds_job.output)
    shutil.rmtree(folds_job.checkpoints)

    attempts, outcome = 0, None
    while outcome is None or not outcome.succeeded:
        attempts += 1
        outcome = run(folds_job.with_attempt(attempts), PreemptAtCheck(CHECKS_BEFORE_TRAINING + 10))
        if not outcome.succeeded:
            assert outcome.exit_code == ExitCode.PREEMPTED

    assert attempts > 3
    assert read_results(folds_job) == expected


def test_finished_folds_are_not_trained_again(folds_job: TrainerJob) -> None:
    class LeaveInTheThirdFold(Preemption):
        """Stops once there is a checkpoint of the third fold."""

        def check(self) -> None:
            if list(folds_job.checkpoints.glob("fold-3/checkpoint-*")):
                raise PreemptedError("the third fold has begun")

    assert run(folds_job, LeaveInTheThirdFold()).exit_code == ExitCode.PREEMPTED
    sealed = sorted(path.name for path in folds_job.checkpoints.glob("fold-*-result"))
    assert sealed == ["fold-1-result", "fold-2-result"]
    assert not (folds_job.checkpoints / "fold-1").exists()
    results = [folds_job.checkpoints / name / "result.json" for name in sealed]
    steps = sum(read_json(path)["steps"] for path in results)

    saved = (folds_job.checkpoints / "fold-3").glob("checkpoint-*")
    begun = max(int(path.name.rpartition("-")[2]) for path in saved)

    outcome = run(folds_job.with_attempt(2), PreemptAtCheck(CHECKS_BEFORE_TRAINING + 6))

    assert outcome.report is not None
    assert outcome.report.fold == "3/3"
    assert outcome.report.resumed_from_step == steps + begun
    assert outcome.report.metrics is not None
    (f1,) = [metric for metric in outcome.report.metrics.folds or [] if metric.name == "f1"]
    assert f1.folds == 2


def test_only_one_model_is_in_memory(
    folds_job: TrainerJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[weakref.ref[Any]] = []
    alive: list[int] = []
    build = transformers.Trainer.__init__

    def count(self: Any, model: Any, *args: Any, **options: Any) -> None:
        models.append(weakref.ref(model))
        alive.append(sum(reference() is not None for reference in models))
        build(self, model, *args, **options)

    monkeypatch.setattr(transformers.Trainer, "__init__", count)
    gc.disable()
    try:
        assert run(folds_job).succeeded
    finally:
        gc.enable()

    assert alive == [1, 1, 1, 1]


def test_a_schedule_that_waits_for_evaluations_is_refused_with_folds(
    folds_job: TrainerJob,
) -> None:
    folds_job.with_spec(training={"schedule": {"type": "ReduceOnPlateau"}})

    with pytest.raises(ValueError, match="nothing to measure"):
        folds_job.resolve()


@pytest.mark.slow
def test_all_folds_share_the_time_of_the_job(folds_job: TrainerJob) -> None:
    folds_job.with_spec(
        training={"epochs": 1000},
        earlyStopping={"metric": "loss", "timeBudgetSeconds": 12, "patience": 100},
    )

    outcome = run(folds_job)

    assert outcome.succeeded, outcome.message
    assert outcome.report is not None
    assert outcome.report.train_seconds is not None
    # Three folds of 12 seconds each would be far above.
    assert outcome.report.train_seconds < 25
    stopped = [fold["stopped"] for fold in read_json(folds_job.output / "folds.json")["folds"]]
    assert stopped == ["TimeBudget"] * 3
