from typing import get_args

import pytest

from finetune_api.v1alpha1.tasks import TASK_TRAITS, TaskName
from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.registry import TASKS, find_task


def test_every_task_of_the_api_can_be_trained() -> None:
    assert set(TASKS) == set(get_args(TaskName)) == set(TASK_TRAITS)


@pytest.mark.parametrize("name", list(TASKS))
def test_a_task_is_registered_under_its_own_name(name: TaskName) -> None:
    assert find_task(name).name == name


def test_an_unknown_task_lists_the_known_ones() -> None:
    name: str = "Telepathy"

    with pytest.raises(ConfigError, match=r"'Telepathy'; this trainer knows TextClassification"):
        find_task(name)  # type: ignore[arg-type]  # what an older trainer may be handed
