"""Lets a model train quickly on a CPU; on a GPU the kernels of torch are quick themselves.

`training.assembly` asks for the model that is trained, `training.memory_limits` for the sketch that
says how much memory that takes.
"""

from typing import Any

from finetune_trainer.models.quick_attention import register_quick_attention
from finetune_trainer.models.quick_dropout import quicken


def quicken_training(model: Any, device: str, *, is_compiled: bool) -> None:
    """Exchange dropout and attention where that pays; a compiler fuses masks by itself."""
    if device == "cpu" and not is_compiled:
        quicken(model)
        register_quick_attention()
