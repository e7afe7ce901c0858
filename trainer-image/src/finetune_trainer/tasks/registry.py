"""The tasks, one line each; `run` looks up here what a job wants to learn."""

from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.base import Task
from finetune_trainer.tasks.text_classification import TEXT_CLASSIFICATION

TASKS: dict[TaskName, Task] = {
    "TextClassification": TEXT_CLASSIFICATION,
}


def find_task(name: TaskName) -> Task:
    """Look a task up.

    Raises:
        ConfigError: this image is older than the task.
    """
    task = TASKS.get(name)
    if task is None:
        raise ConfigError(
            f"spec.task is {name!r}; this trainer knows {', '.join(TASKS)}",
            hint="use a newer trainer image",
        )
    return task
