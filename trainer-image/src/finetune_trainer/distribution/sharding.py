"""FSDP: spreads a model over the ranks, and puts it together where somebody needs it whole.

`assembly` shards the model before the Trainer sees it, and the Trainer is told that the model looks
after itself. accelerate, which would do the same, knows FSDP on GPUs alone; this is the part of
torch below it, which runs over gloo as well. Each layer is a unit: while it computes it is whole,
the others are not. Needs torch.
"""

from typing import Any

import torch
import transformers
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor

_WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
_SPREAD = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)


def shard(model: Any, device: str, count: int) -> None:
    """Spread the weights of a model over all ranks, in place.

    Args:
        model: the same one in every rank.
        device: what computes, cpu or cuda.
        count: of ranks.
    """
    mesh = init_device_mesh(device, (count,))
    for layer in _list_layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    # Read by the library: it must neither move nor wrap the model, and a rank whose texts are
    # finished must go on computing for the others.
    library: Any = transformers.PreTrainedModel  # an adapter may be around it
    for module in model.modules():
        if isinstance(module, library):
            module._is_distributed_loading_by_transformers = True
            module._is_fsdp_managed_module = True
    if hasattr(model, "generate"):
        register_fsdp_forward_method(model, "generate")


def _list_layers(model: Any) -> list[Any]:
    """Give the modules that the library, too, keeps together on one device."""
    names = set(getattr(model, "_no_split_modules", None) or ())
    return [module for module in model.modules() if type(module).__name__ in names]


def gather_weights(model: Any) -> dict[str, torch.Tensor]:
    """Put the weights together, on the CPU of the leader; the other ranks get nothing."""
    weights: dict[str, Any] = get_model_state_dict(model, options=_WHOLE)
    return weights


def spread_weights(model: Any, weights: dict[str, torch.Tensor]) -> None:
    """Give every rank its part of the leader's weights; what is not named stays."""
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True, strict=False)
    named: dict[str, Any] = dict(weights)
    set_model_state_dict(model, named, options=options)


def gather_optimizer(model: Any, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Put the state of an optimizer together, on the CPU of the leader."""
    return get_optimizer_state_dict(model, optimizer, options=_WHOLE)


def spread_optimizer(model: Any, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Give every rank its part of the leader's state."""
    set_optimizer_state_dict(model, optimizer, state, options=_SPREAD)


def make_plain(value: Any) -> Any:
    """Give a number that every rank has alike as a plain tensor."""
    return value.full_tensor() if isinstance(value, DTensor) else value
