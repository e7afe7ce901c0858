"""Attention with dropout must be what the library computes, but for the random numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from finetune_trainer.models.quick_attention import (
    FEW_TOKENS,
    attend,
    register_quick_attention,
)

NEARLY_NONE = 1e-9
"""A dropout that takes our way and still keeps everything, but in one mask of four million."""
BATCH, HEADS, TOKENS, WIDTH = 2, 4, 9, 8


@dataclass
class Layer:
    is_causal: bool = False
    num_key_value_groups: int = 1


def make_inputs(key_heads: int = HEADS, tokens: int = TOKENS) -> list[torch.Tensor]:
    torch.manual_seed(0)
    heads = (HEADS, key_heads, key_heads)
    return [torch.randn(BATCH, n, tokens, WIDTH, requires_grad=True) for n in heads]


def make_padding() -> torch.Tensor:
    seen = torch.ones(BATCH, 1, TOKENS, TOKENS, dtype=torch.bool)
    seen[1, :, :, 6:] = False
    return seen


def make_bias() -> torch.Tensor:
    return torch.zeros(BATCH, 1, TOKENS, TOKENS).masked_fill(~make_padding(), -1e9)


@pytest.mark.parametrize(
    ("layer", "mask", "options"),
    [
        pytest.param(Layer(), None, {}, id="all tokens"),
        pytest.param(Layer(), make_padding(), {}, id="padding"),
        pytest.param(Layer(), make_bias(), {}, id="a mask that is added"),
        pytest.param(Layer(is_causal=True), None, {}, id="earlier tokens only"),
        pytest.param(Layer(is_causal=True), None, {"is_causal": False}, id="cross attention"),
        pytest.param(Layer(num_key_value_groups=2), None, {}, id="shared keys"),
        pytest.param(Layer(), None, {"scaling": 0.7}, id="a scale of its own"),
    ],
)
def test_the_result_and_its_gradients_are_those_of_the_library(
    layer: Layer, mask: torch.Tensor | None, options: dict[str, Any]
) -> None:
    inputs = make_inputs(HEADS // layer.num_key_value_groups)
    expected, _ = sdpa_attention_forward(layer, *inputs, mask, dropout=0.0, **options)  # type: ignore[arg-type]
    wanted = torch.autograd.grad(expected.square().sum(), inputs)

    found, _ = attend(layer, *inputs, mask, dropout=NEARLY_NONE, **options)  # type: ignore[arg-type]

    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
    gradients = torch.autograd.grad(found.square().sum(), inputs)
    for gradient, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, other, atol=1e-2, rtol=1e-2)


@pytest.mark.parametrize("tokens", [FEW_TOKENS - 1, FEW_TOKENS])
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-3), (torch.bfloat16, 0.03), (torch.float64, 1e-3)]
)
def test_short_and_long_rows_are_weighed_alike(
    tokens: int, dtype: torch.dtype, tolerance: float
) -> None:
    layer: Any = Layer()
    query, key, value = make_inputs(tokens=tokens)
    expected, _ = sdpa_attention_forward(layer, query, key, value, None)

    rounded = [values.to(dtype) for values in (query, key, value)]
    found, _ = attend(layer, *rounded, None, dropout=NEARLY_NONE)

    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, atol=tolerance, rtol=tolerance)


def test_dropout_keeps_the_mean_and_spreads_as_the_library_does() -> None:
    inputs = [values.detach() for values in make_inputs()]

    def sample(function: Any) -> torch.Tensor:
        return torch.stack([function(Layer(), *inputs, None, dropout=0.3)[0] for _ in range(3000)])

    ours, theirs = sample(attend), sample(sdpa_attention_forward)

    error = theirs.std(dim=0) / 3000**0.5
    assert ((ours.mean(dim=0) - theirs.mean(dim=0)).abs() < 8 * error + 1e-6).all()
    torch.testing.assert_close(ours.std(dim=0), theirs.std(dim=0), atol=1e-3, rtol=0.15)


def test_the_gradients_are_those_of_the_weights_that_were_kept() -> None:
    """Against differences of the result, with the same weights dropped each time."""
    inputs = [v[:1, :2, :5, :4].detach().double().requires_grad_() for v in make_inputs()]

    def look(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)
        return attend(Layer(), query, key, value, None, dropout=0.5)[0]

    assert torch.autograd.gradcheck(look, inputs)


def test_an_evaluation_stays_with_the_kernel_of_the_library() -> None:
    inputs = make_inputs()
    expected, _ = sdpa_attention_forward(Layer(), *inputs, make_padding())  # type: ignore[arg-type]

    found, _ = attend(Layer(), *inputs, make_padding())

    assert torch.equal(found, expected)


def test_a_compiler_is_given_what_the_library_computes() -> None:
    inputs = make_inputs()

    def look(function: Any) -> torch.Tensor:
        torch.manual_seed(1)
        found: torch.Tensor = function(Layer(), *inputs, None, dropout=0.5)[0]
        return found

    assert torch.equal(look(torch.compile(attend, backend="eager")), look(sdpa_attention_forward))


@pytest.fixture
def restored_table() -> Iterator[None]:
    yield
    AttentionInterface.register("sdpa", sdpa_attention_forward)


@pytest.mark.usefixtures("restored_table")
def test_it_takes_its_place_in_the_table_of_the_library() -> None:
    register_quick_attention()
    assert AttentionInterface()["sdpa"] is attend
