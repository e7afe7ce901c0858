"""Writes and reads an adapter: adapter_config.json and adapter_model.safetensors, nothing else.

Checkpoints, the best model and the export all use it. peft reads what it writes
(`PeftModel.from_pretrained`), and no pickle is ever opened here.
"""

import copy
from pathlib import Path
from typing import Any

import peft
import torch
from safetensors.torch import load_file, save_file

from finetune_trainer.errors import InternalError
from finetune_trainer.models.adapters import NAME

WEIGHTS_NAME = "adapter_model.safetensors"


def save_adapter(model: Any, folder: Path, state: dict[str, Any] | None = None) -> None:
    """Write the adapter of a model, and the modules that were trained with it.

    Args:
        model: with its adapter.
        folder: made if it is not there.
        state: all weights of the model; needed where it holds only a part of them itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # False: whether the embeddings belong to the adapter is known; peft would ask the hub.
    weights = peft.get_peft_model_state_dict(model, state, save_embedding_layers=False)
    plain = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
    save_file(plain, folder / WEIGHTS_NAME, metadata={"format": "pt"})
    config = copy.copy(model.peft_config[NAME])
    config.inference_mode = True
    if config.task_type is None:
        base = model.get_base_model()
        config.auto_mapping = {
            "base_model_class": type(base).__name__,
            "parent_library": type(base).__module__,
        }
    config.save_pretrained(str(folder))


def load_adapter(model: Any, folder: Path) -> None:
    """Take over the weights of an adapter that `save_adapter` wrote.

    Raises:
        InternalError: they do not fit the adapter of the model.
    """
    result: Any = peft.set_peft_model_state_dict(model, load_file(folder / WEIGHTS_NAME))
    # Virtual tokens have a name of their own in the file, and go to their place by another way.
    unexpected = [name for name in result.unexpected_keys if name != "prompt_embeddings"]
    if unexpected:
        raise InternalError(f"{folder.name} holds {unexpected[0]}, which does not fit the adapter")


def read_adapter(model: Any, folder: Path) -> dict[str, Any]:
    """Read the weights of an adapter under the names that they have in the model.

    For a model that is spread over ranks, whom peft's own way of loading would break. peft alone
    knows what it calls a weight in a file: it is given marks and asked under which name it would
    save each.
    """
    marks = {name: torch.empty(0) for name in model.state_dict()}
    names = {id(mark): name for name, mark in marks.items()}
    files = peft.get_peft_model_state_dict(model, dict(marks), save_embedding_layers=False)
    weights = load_file(folder / WEIGHTS_NAME)
    return {names[id(mark)]: weights[name] for name, mark in files.items()}


def copy_adapter(source: Any, target: Any) -> None:
    """Give a model the adapter of another one of the same build."""
    weights = peft.get_peft_model_state_dict(source, save_embedding_layers=False)
    peft.set_peft_model_state_dict(target, {n: w.detach().cpu() for n, w in weights.items()})
