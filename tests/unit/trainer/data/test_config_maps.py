from pathlib import Path

import pytest

from finetune_api.contract.environment import Variable
from finetune_trainer.data.loading import load_data
from finetune_trainer.errors import NotFoundError
from finetune_trainer.settings import Settings
from finetune_trainer.tasks.registry import find_task
from trainer_jobs import TrainerJob, make_reviews, write_csv, write_jsonl


def load(job: TrainerJob, folder: Path) -> dict[str, int]:
    job.variables[Variable.CONFIG_MAPS_DIRECTORY] = str(folder)
    dataset = job.resolve().spec.dataset
    needs = find_task("TextClassification").find_needs(dataset)
    settings = Settings.from_environment(job.environment())
    return load_data(dataset, needs, 0, settings, {}).count_rows()


def mount(folder: Path, key: Path) -> None:
    """Mount a key as a kubelet does: a link to a folder that can be swapped as a whole."""
    (folder / "rows" / "..data").symlink_to(key.parent, target_is_directory=True)
    (folder / "rows" / key.name).symlink_to(Path("..data") / key.name)


def test_the_keys_of_a_config_map_are_files_whose_endings_tell_the_format(
    job: TrainerJob, tmp_path: Path
) -> None:
    folder = tmp_path / "configmaps"
    (folder / "rows").mkdir(parents=True)
    mount(folder, write_csv(tmp_path / "one" / "train.csv", make_reviews(40)))
    test = write_jsonl(tmp_path / "one" / "test.jsonl", make_reviews(10, seed=1, offset=90))
    (folder / "rows" / "test.jsonl").symlink_to(Path("..data") / test.name)
    job.with_spec(
        dataset={
            "train": {"source": "configmap://rows/train.csv"},
            "test": {"source": "configmap://rows/test.jsonl"},
        }
    )

    assert load(job, folder) == {"train": 32, "validation": 8, "test": 10}


def test_a_key_that_is_missing_is_told_with_those_there_are(
    job: TrainerJob, tmp_path: Path
) -> None:
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "training.csv").write_text("text,label\n")
    job.with_spec(dataset={"train": {"source": "configmap://rows/train.csv"}})

    with pytest.raises(
        NotFoundError, match=r"train\.csv is not there; beside it are training\.csv"
    ):
        load(job, tmp_path)
