"""Lets a model train quickly: what nobody reads is not computed, and a CPU gets quick dropout.

On a GPU the kernels of torch are quick themselves. `training.assembly` asks for the model that is
trained, `training.memory_limits` for the sketch that says how much memory that takes.
"""

from typing import Any

from finetune_trainer.models.first_tokens import read_first_tokens
from finetune_trainer.models.quick_attention import register_quick_attention
from finetune_trainer.models.quick_dropout import quicken


def quicken_training(model: Any, device: str, *, is_compiled: bool) -> None:
    """Exchange layers, dropout and attention where that pays; a compiler fuses masks by itself."""
    read_first_tokens(model)
    if device == "cpu" and not is_compiled:
        quicken(model)
        register_quick_attention()
