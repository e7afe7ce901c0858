import ast

import pytest
import transformers
from transformers.pipelines import SUPPORTED_TASKS

from finetune_api.v1alpha1.tasks import TASK_TRAITS, TaskName
from finetune_trainer.export.usages import write_usage
from trainer_tasks import a_spec


@pytest.mark.parametrize("task", list(TASK_TRAITS))
def test_every_task_is_loaded_in_two_lines_that_transformers_knows(task: TaskName) -> None:
    usage = write_usage(a_spec(task))

    tree = ast.parse(usage)
    assert len(usage.splitlines()) == 2
    imported = [a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names]
    assert all(hasattr(transformers, name) for name in imported)
    if "pipeline" in imported:
        assert TASK_TRAITS[task].pipeline in SUPPORTED_TASKS


@pytest.mark.parametrize(
    ("task", "name"),
    [
        pytest.param("TextClassification", "AutoPeftModelForSequenceClassification", id="labels"),
        pytest.param("CausalLM", "AutoPeftModelForCausalLM", id="texts"),
        pytest.param("MaskedLM", "AutoPeftModel", id="a task that peft has no class for"),
    ],
)
def test_an_adapter_is_loaded_by_peft(task: TaskName, name: str) -> None:
    import peft

    usage = write_usage(a_spec(task, method={"type": "LoRA"}))

    assert f"{name}.from_pretrained" in usage
    assert hasattr(peft, name)


def test_a_merged_adapter_is_a_plain_model() -> None:
    spec = a_spec(
        "TextClassification", method={"type": "LoRA"}, output={"formats": ["MergedAdapter"]}
    )

    assert "pipeline(" in write_usage(spec)
