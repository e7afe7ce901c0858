import pytest

from finetune_trainer.errors import ConfigError, NotFoundError
from finetune_trainer.places import Places, find_places
from finetune_trainer.settings import Settings
from trainer_jobs import TrainerJob


def find(job: TrainerJob) -> Places:
    return find_places(job.resolve(), Settings.from_environment(job.environment()))


def test_output_and_checkpoints_lie_in_the_claim(job: TrainerJob) -> None:
    places = find(job)

    assert places.output == job.claim / "model"
    assert places.checkpoints.parent == job.claim / "checkpoints"
    assert places.checkpoints.is_dir()


def test_an_earlier_model_may_be_replaced(job: TrainerJob) -> None:
    job.output.mkdir()
    (job.output / "result.json").write_text("{}")
    (job.output / "model.safetensors").write_text("old")

    assert find(job).output == job.output


def test_files_that_no_job_made_are_not_removed(job: TrainerJob) -> None:
    job.output.mkdir()
    (job.output / "thesis.docx").write_text("years of work")

    with pytest.raises(ConfigError, match=r"holds files that no job made: thesis\.docx"):
        find(job)


def test_a_model_may_not_swallow_the_checkpoints(job: TrainerJob) -> None:
    job.with_spec(output={"destination": "pvc://data/checkpoints"})

    with pytest.raises(ConfigError, match="holds the checkpoints"):
        find(job)


def test_a_destination_that_is_a_file_is_refused(job: TrainerJob) -> None:
    job.with_spec(output={"destination": "pvc://data/train.csv"})

    with pytest.raises(ConfigError, match="is a file"):
        find(job)


def test_a_claim_that_is_not_mounted_is_named(job: TrainerJob) -> None:
    job.with_spec(output={"destination": "pvc://models/reviews"})

    with pytest.raises(NotFoundError, match="the claim 'models' is not mounted"):
        find(job)
