"""Attention with dropout for a CPU: the products in the arithmetic of the training, quick masks.

torch has a fused kernel for attention on the CPU, but not with dropout: there it falls back to one
that turns everything to float32, and draws a mask for each pair of tokens (see
`models.quick_dropout`). On texts of 512 tokens that took almost four times as long. Without
dropout, as in every evaluation, the fused kernel stays in use.

What is kept for the backward pass is the weights and a byte for each, that tells whether it was
dropped: on long texts that is most of the memory of a step, so what can be had again by one
product is not kept as well.

The library has a table of attention functions to register others in. `models.quickening` calls
`register_quick_attention`. The table is of the process: a compiler that meets the function for
another model gets the library's.
"""

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import repeat_kv, sdpa_attention_forward

from finetune_trainer.models.quick_dropout import draw_kept

LEFT_TO_THE_LIBRARY = ("position_bias", "softcap", "cache")
"""What few models have, and what it has ways of its own for."""
FEW_TOKENS = 64
"""Below so many torch's softmax takes three times as long in bfloat16 as in float32."""


def register_quick_attention() -> None:
    """Take the place of the library's function; for this process."""
    AttentionInterface.register("sdpa", attend)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Do what the library's function of the same arguments does.

    Args:
        module: the layer; may share keys and values between heads.
        query: [batch, heads, tokens, width].
        key: [batch, heads, tokens, width].
        value: the same.
        attention_mask: True or 0 where a token is seen; None where all are, or all earlier ones.
        options: dropout, scaling and is_causal, and what is left to the library.

    Returns:
        [batch, tokens, heads, width], and no weights.
    """
    dropout = options.get("dropout", 0.0)
    is_special = any(options.get(name) is not None for name in LEFT_TO_THE_LIBRARY)
    is_ours = query.device.type == "cpu" and not torch.compiler.is_compiling()
    if not dropout or is_special or not is_ours:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    if attention_mask is None and _is_causal(module, options) and query.shape[2] > 1:
        attention_mask = query.new_ones(query.shape[2], key.shape[2], dtype=torch.bool).tril()
    scaling = options.get("scaling")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    weights = _weigh(query * scale, key, attention_mask)
    found: torch.Tensor = _DropAndSum.apply(weights, value.to(weights.dtype), dropout)
    return found.transpose(1, 2).contiguous(), None


class _DropAndSum(torch.autograd.Function):
    """Drops weights and adds up the values by what is left; keeps no product of its own."""

    @staticmethod
    def forward(ctx: Any, weights: torch.Tensor, value: torch.Tensor, dropout: float) -> Any:
        kept, factor = draw_kept(weights.shape, dropout)
        ctx.save_for_backward(weights, value, kept)
        ctx.factor = factor
        return kept.to(weights.dtype).mul_(weights) @ (value * factor)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        weights, value, kept = ctx.saved_tensors
        kept = kept.to(weights.dtype)
        gradient = gradients[0] * ctx.factor
        for_weights = (gradient @ value.transpose(-1, -2)).mul_(kept)
        return for_weights, kept.mul_(weights).transpose(-1, -2) @ gradient, None


def _is_causal(module: Any, options: dict[str, Any]) -> bool:
    wanted = options.get("is_causal")
    return bool(getattr(module, "is_causal", True) if wanted is None else wanted)


def _weigh(query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Say how much each token looks at each other one: [batch, heads, tokens, tokens]."""
    scores = query @ key.transpose(-1, -2)
    if mask is not None and mask.dtype == torch.bool:
        # The heads share one mask: added to all of them, it is made once.
        unseen = torch.finfo(scores.dtype).min
        mask = torch.zeros(mask.shape, dtype=scores.dtype).masked_fill_(~mask, unseen)
    scores = scores if mask is None else scores.add_(mask)
    is_short = scores.shape[-1] < FEW_TOKENS
    kind = torch.promote_types(scores.dtype, torch.float32) if is_short else scores.dtype
    return scores.softmax(-1, dtype=kind).to(scores.dtype)
