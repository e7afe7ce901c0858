import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub_server import HubServer
from language_models import make_tiny_gpt2
from malices import Canary
from s3_server import S3Server
from source_kinds import BUCKET, Sources, use_hub
from trainer_jobs import TrainerJob, a_trainer_job
from trainer_media import (
    make_tiny_resnet,
    make_tiny_rt_detr,
    make_tiny_timm,
    make_tiny_vit,
    make_tiny_wav2vec2,
)
from trainer_models import make_tiny_bert


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(autouse=True)
def _keep_the_environment() -> Iterator[None]:
    """The trainer sets variables of its process; the tests share one."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def job(tmp_path: Path, tiny_bert: Path) -> TrainerJob:
    """A small job that succeeds: 8 steps per epoch, 2 epochs."""
    return a_trainer_job(tmp_path, tiny_bert, rows=80)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Models by name, each made once."""
    makers: dict[str, Callable[[Path], Path]] = {
        "vit": make_tiny_vit,
        "resnet": make_tiny_resnet,
        "vgg": lambda folder: make_tiny_timm(folder, "vgg11", mlp_ratio=0.02),
        "inception": lambda folder: make_tiny_timm(
            folder, "inception_v3", size=75, aux_logits=False
        ),
        "rt-detr": make_tiny_rt_detr,
        "wav2vec2": make_tiny_wav2vec2,
    }
    folder = tmp_path_factory.mktemp("models")
    made: dict[str, Path] = {}

    def find(name: str) -> Path:
        if name not in made:
            made[name] = makers[name](folder / name)
        return made[name]

    return find


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_gpt2(tmp_path_factory.mktemp("models") / "tiny-gpt2")


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with S3Server(tmp_path_factory.mktemp("store")) as server:
        server.make_bucket(BUCKET)
        yield server


@pytest.fixture
def sources(
    job: TrainerJob, object_store: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sources]:
    """A job whose model and data may lie anywhere."""
    os.environ.update(object_store.variables())
    with HubServer() as hub:
        use_hub(hub, tmp_path / "huggingface", monkeypatch)
        yield Sources(job, hub, object_store)


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Canary]:
    with Canary(tmp_path) as canary:
        yield canary
