"""Builds and runs whole jobs on images and sounds, for the tests of those tasks."""

from pathlib import Path

from trainer_jobs import TrainerJob, write_jsonl
from trainer_media import make_patches
from trainer_runs import run


def a_media_job(folder: Path, task: str, model: Path | None = None) -> TrainerJob:
    """Give a small job of a task; its data is still to be written."""
    job = TrainerJob(
        folder,
        {
            "task": task,
            "model": {"source": "pvc://data/base"},
            "dataset": {"train": {"source": "pvc://data/train.jsonl"}},
            "training": {
                "epochs": 3,
                "batchSize": 8,
                "learningRate": 0.003,
                "precision": "Float32",
            },
            "output": {"destination": "pvc://data/model"},
            "resources": {"gpusPerNode": 0},
        },
    )
    job.claim.mkdir(parents=True)
    if model is not None:
        (job.claim / "base").symlink_to(model, target_is_directory=True)
    return job


def run_well(job: TrainerJob) -> dict[str, dict[str, float]]:
    """Run a job that succeeds; give its metrics by kind and name."""
    outcome = run(job)
    assert outcome.succeeded, outcome.message
    assert outcome.report is not None
    assert outcome.report.metrics is not None
    metrics = outcome.report.metrics
    kinds = ("baseline", "best", "test_baseline", "test")
    return {kind: {m.name: m.value for m in getattr(metrics, kind) or ()} for kind in kinds}


def write_patches(job: TrainerJob) -> None:
    """Give a job patches of colour to sort, for training and test."""
    write_jsonl(job.claim / "train.jsonl", make_patches(job.claim, 60))
    write_jsonl(job.claim / "test.jsonl", make_patches(job.claim, 18, seed=1))
    job.with_spec(dataset={"test": {"source": "pvc://data/test.jsonl"}})
