import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer_jobs import TrainerJob, a_trainer_job


@pytest.fixture(autouse=True)
def _keep_the_environment() -> Iterator[None]:
    """The trainer sets variables of its process; the tests share one."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def job(tmp_path: Path) -> TrainerJob:
    """A small job without a model: enough for everything before torch."""
    return a_trainer_job(tmp_path)
