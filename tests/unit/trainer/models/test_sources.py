import json
from pathlib import Path

import pytest

from finetune_api.v1alpha1.pretrained import PretrainedModel
from finetune_trainer.errors import ConfigError, NotFoundError
from finetune_trainer.models.sources import Pretrained, fetch_model
from finetune_trainer.settings import Settings
from trainer_jobs import TrainerJob


def write_model(folder: Path, config: str = '{"model_type": "bert"}') -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(config)
    header = json.dumps({}).encode()
    content = len(header).to_bytes(8, "little") + header
    (folder / "model.safetensors").write_bytes(content)
    return folder


def fetch(
    job: TrainerJob, source: str = "pvc://data/base", tokenizer_source: str | None = None
) -> Pretrained:
    spec = PretrainedModel(source=source, tokenizer_source=tokenizer_source)
    return fetch_model(spec, Settings.from_environment(job.environment()), None)


def test_a_model_of_a_volume_is_used_in_place(job: TrainerJob) -> None:
    folder = write_model(job.claim / "base")

    pretrained = fetch(job)

    assert pretrained.folder == pretrained.tokenizer_folder == folder
    assert pretrained.revision.startswith("sha256:")


def test_the_fingerprint_follows_the_weights(job: TrainerJob) -> None:
    write_model(job.claim / "base")
    write_model(job.claim / "other", '{"model_type": "bert", "layers": 2}')

    revisions = {fetch(job).revision, fetch(job, source="pvc://data/other").revision}

    assert len(revisions) == 2


def test_the_tokenizer_may_lie_elsewhere(job: TrainerJob) -> None:
    write_model(job.claim / "base")
    (job.claim / "tokenizer").mkdir()

    pretrained = fetch(job, tokenizer_source="pvc://data/tokenizer")

    assert pretrained.tokenizer_folder == job.claim / "tokenizer"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("pvc://data/nope", "model.source pvc://data/nope is not there", id="missing"),
        pytest.param("pvc://data/train.csv", "is a file; a folder is needed", id="a file"),
        pytest.param("pvc://data/empty", "has no config.json", id="no config.json"),
    ],
)
def test_a_model_that_is_not_there_is_not_found(job: TrainerJob, source: str, message: str) -> None:
    (job.claim / "empty").mkdir()

    with pytest.raises(NotFoundError, match=message):
        fetch(job, source=source)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        pytest.param("{oops", "config.json is no JSON", id="no JSON"),
        pytest.param("{}", "names no model_type", id="no type"),
        pytest.param(
            '{"auto_map": {"AutoModel": "evil.Model"}}', "names no model_type", id="remote code"
        ),
    ],
)
def test_a_config_that_says_nothing_is_refused(job: TrainerJob, config: str, message: str) -> None:
    write_model(job.claim / "base", config)

    with pytest.raises(ConfigError, match=message):
        fetch(job)
