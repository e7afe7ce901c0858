"""Computes the last layer of an encoder for the one token that its output layer reads.

A classifier of BERT's family, and a ViT, reads the first token and no other. In the last layer that
token looks at all the others, but what those become there is read by nobody: neither their queries
nor their attention nor their way through the feed-forward network. In an encoder of six layers that
is a seventh of a step. What comes out, and every gradient, is the same but for rounding.

`models.quickening` calls `read_first_tokens`. A new family is a function here and a line in
`READERS`.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import nn
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS


class _FirstTokenLayer(nn.Module):
    """A layer that gives [batch, 1, width] for [batch, tokens, width]."""

    read_first: ClassVar[Callable[..., torch.Tensor]]

    def forward(
        self,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        *others: Any,
        **options: Any,
    ) -> torch.Tensor:
        """Do what the layer does; with a prefix before the text, for all tokens."""
        if options.get("past_key_values") is not None:
            found: torch.Tensor = super().forward(hidden_states, attention_mask, *others, **options)
            return found
        return self.read_first(hidden_states, attention_mask)


def _read_bert(layer: Any, tokens: torch.Tensor, mask: torch.Tensor | None) -> Any:
    own, first = layer.attention.self, tokens[:, :1]
    projected = own.query(first), own.key(tokens), own.value(tokens)
    seen = _look(own, projected, mask, width=own.attention_head_size, dropout=own.dropout.p)
    return layer.feed_forward_chunk(layer.attention.output(seen, first))


def _read_distilbert(layer: Any, tokens: torch.Tensor, mask: torch.Tensor | None) -> Any:
    own, first = layer.attention, tokens[:, :1]
    projected = own.q_lin(first), own.k_lin(tokens), own.v_lin(tokens)
    seen = _look(own, projected, mask, width=own.attention_head_size, dropout=own.dropout.p)
    looked = layer.sa_layer_norm(own.out_lin(seen) + first)
    return layer.output_layer_norm(layer.ffn(looked) + looked)


def _read_vit(layer: Any, tokens: torch.Tensor, mask: torch.Tensor | None) -> Any:
    own, normed = layer.attention, layer.layernorm_before(tokens)
    projected = own.q_proj(normed[:, :1]), own.k_proj(normed), own.v_proj(normed)
    seen = _look(own, projected, mask, width=own.head_dim, dropout=own.attention_dropout)
    looked = layer.dropout(own.o_proj(seen)) + tokens[:, :1]
    return layer.dropout(layer.mlp(layer.layernorm_after(looked))) + looked


READERS: dict[str, tuple[str, Callable[..., Any]]] = {
    "BertForSequenceClassification": ("BertLayer", _read_bert),
    "CamembertForSequenceClassification": ("CamembertLayer", _read_bert),
    "DistilBertForSequenceClassification": ("TransformerBlock", _read_distilbert),
    "ElectraForSequenceClassification": ("ElectraLayer", _read_bert),
    "RobertaForSequenceClassification": ("RobertaLayer", _read_bert),
    "ViTForImageClassification": ("ViTLayer", _read_vit),
    "XLMRobertaForSequenceClassification": ("XLMRobertaLayer", _read_bert),
}
"""Models whose output layer reads the first token alone: their layers, and how the last is done."""


def read_first_tokens(model: nn.Module) -> bool:
    """Exchange the last layer of a model, or of the one in an adapter; others are left as they are.

    Returns:
        whether one was exchanged, now or before.
    """
    for module in model.modules():
        reader = READERS.get(type(module).__name__)
        if reader is not None and _is_plain(module.config):
            return _exchange(module, *reader)
    return False


def _is_plain(config: Any) -> bool:
    """Whether the layers do nothing that ours do not."""
    special = ("is_decoder", "chunk_size_feed_forward")
    return config._attn_implementation == "sdpa" and not any(
        getattr(config, name, None) for name in special
    )


def _exchange(model: nn.Module, name: str, read_first: Callable[..., Any]) -> bool:
    layers = [module for module in model.modules() if type(module).__name__ == name]
    if layers and not isinstance(layers[-1], _FirstTokenLayer):
        # The class alone, under its name: weights, hooks and what is wrapped by name stay.
        bases, own = (_FirstTokenLayer, type(layers[-1])), {"read_first": read_first}
        layers[-1].__class__ = type(name, bases, own)
    return bool(layers)


def _look(
    module: Any,
    projected: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    mask: torch.Tensor | None,
    *,
    width: int,
    dropout: float,
) -> torch.Tensor:
    """Let one token look at all.

    Args:
        module: the attention that the projections are of.
        projected: the query, [batch, 1, heads x width]; keys and values of all tokens,
            [batch, tokens, heads x width].
        mask: [batch, 1, tokens, tokens], or None where all are seen.
        width: of a head.
        dropout: of weights, while training.

    Returns:
        [batch, 1, heads x width].
    """
    heads = (each.view(*each.shape[:2], -1, width).transpose(1, 2) for each in projected)
    seen, _ = ALL_ATTENTION_FUNCTIONS["sdpa"](
        module,
        *heads,
        None if mask is None else mask[:, :, :1],
        dropout=dropout if module.training else 0.0,
        scaling=module.scaling,
    )
    found: torch.Tensor = seen.flatten(2)
    return found
