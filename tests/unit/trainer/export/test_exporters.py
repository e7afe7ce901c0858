import json
from pathlib import Path

import pytest

from finetune_trainer.export.exporters import export_model
from finetune_trainer.export.results import find_result, list_artifacts
from finetune_trainer.reporting.board import Board
from trainer_jobs import TrainerJob


def save_model(folder: Path) -> None:
    (folder / "model.safetensors").write_text("weights")
    (folder / "config.json").write_text("{}")


def export(job: TrainerJob) -> None:
    board = Board(job.uid, 2)
    board.measure("best", {"f1": 0.75})
    export_model(job.output, job.resolve(), board.snapshot(), save_model)


def test_everything_lies_at_the_destination(job: TrainerJob) -> None:
    export(job)

    names = sorted(path.name for path in job.output.iterdir())
    assert names == ["README.md", "config.json", "metrics.json", "model.safetensors", "result.json"]
    assert json.loads((job.output / "metrics.json").read_text())["best"] == {"f1": 0.75}


def test_a_later_attempt_finds_that_all_is_done(job: TrainerJob) -> None:
    export(job)

    result = find_result(job.output, job.resolve())

    assert result is not None
    assert (result.job_uid, result.attempt) == (job.uid, 2)


def test_artifacts_have_size_and_hash(job: TrainerJob) -> None:
    export(job)

    model, metrics, checkpoints = list_artifacts(job.output, job.resolve())

    assert (model.name, model.uri) == ("model", "pvc://data/model")
    assert model.bytes is not None
    assert len(model.sha256 or "") == len(metrics.sha256 or "") == 64
    assert checkpoints.uri.startswith("pvc://data/checkpoints/reviews-")


def test_another_job_is_not_done(job: TrainerJob) -> None:
    export(job)
    job.uid = "another"

    assert find_result(job.output, job.resolve()) is None


def test_another_configuration_is_not_done(job: TrainerJob) -> None:
    export(job)

    assert find_result(job.output, job.with_spec(training={"seed": 7}).resolve()) is None


@pytest.mark.parametrize("name", ["model.safetensors", "result.json"])
def test_a_model_that_was_damaged_is_not_done(job: TrainerJob, name: str) -> None:
    export(job)
    (job.output / name).write_text("w")

    assert find_result(job.output, job.resolve()) is None


def test_a_failed_export_leaves_the_old_model(job: TrainerJob) -> None:
    export(job)

    def fail(folder: Path) -> None:
        (folder / "model.safetensors").write_text("half")
        raise OSError("full")

    with pytest.raises(OSError, match="full"):
        export_model(job.output, job.resolve(), Board(job.uid, 3).snapshot(), fail)

    assert (job.output / "model.safetensors").read_text() == "weights"
    assert not [path for path in job.claim.iterdir() if path.name.startswith(".")]
