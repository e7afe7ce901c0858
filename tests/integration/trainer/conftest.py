import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer_jobs import TrainerJob, a_trainer_job
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
