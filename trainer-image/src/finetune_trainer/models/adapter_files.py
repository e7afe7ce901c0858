"""Writes and reads an adapter: adapter_config.json and adapter_model.safetensors, nothing else.

Checkpoints, the best model and the export all use it. peft reads what it writes
(`PeftModel.from_pretrained`), and no pickle is ever opened here.
"""

import copy
from pathlib import Path
from typing import Any

import peft
from safetensors.torch import load_file, save_file

from finetune_trainer.errors import InternalError
from finetune_trainer.models.adapters import NAME

WEIGHTS_NAME = "adapter_model.safetensors"


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter of a model, and the modules that were trained with it."""
    folder.mkdir(parents=True, exist_ok=True)
    # False: whether the embeddings belong to the adapter is known; peft would ask the hub.
    weights = peft.get_peft_model_state_dict(model, save_embedding_layers=False)
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


def copy_adapter(source: Any, target: Any) -> None:
    """Give a model the adapter of another one of the same build."""
    weights = peft.get_peft_model_state_dict(source, save_embedding_layers=False)
    peft.set_peft_model_state_dict(target, {n: w.detach().cpu() for n, w in weights.items()})
