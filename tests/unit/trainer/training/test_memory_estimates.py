from typing import Any

import pytest

from finetune_trainer.training.memory_estimates import (
    ModelSize,
    estimate_memory,
    guess_trainable,
    list_remedies,
    read_size,
)
from trainer_tasks import a_spec

MINILM = ModelSize(22_713_216, 22_713_216, width=384, inner_width=1536, layers=6, heads=12)
WIDE = ModelSize(17_187_840, 17_187_840, width=512, inner_width=1024, layers=8, heads=2)
FROZEN = {"freeze": {"embeddings": True, "lowestLayers": 3}}
MEBIBYTE = 2**20


@pytest.mark.parametrize(
    ("size", "rows", "tokens", "training", "method", "measured"),
    [
        pytest.param(MINILM, 16, 32, {}, {}, 1512, id="short texts"),
        pytest.param(MINILM, 16, 256, {}, {}, 3187, id="long texts"),
        pytest.param(MINILM, 64, 128, {}, {}, 4189, id="a large batch"),
        pytest.param(MINILM, 32, 512, {}, {}, 13223, id="attention over long texts"),
        pytest.param(
            MINILM, 16, 256, {"gradientCheckpointing": True}, {}, 2276, id="gradient checkpointing"
        ),
        pytest.param(
            MINILM,
            16,
            256,
            {"precision": "BFloat16", "optimizer": "SGD"},
            {},
            2920,
            id="half the precision, half the optimizer",
        ),
        pytest.param(
            ModelSize(22_713_216, 5_500_000, 384, 1536, 6, 12),
            16,
            256,
            {},
            FROZEN,
            2358,
            id="frozen layers",
        ),
        pytest.param(WIDE, 32, 64, {}, {}, 1956, id="another shape"),
        pytest.param(WIDE, 128, 64, {}, {}, 3949, id="another shape, a large batch"),
    ],
)
def test_the_estimate_is_near_the_peak_that_was_measured_on_a_cpu(
    size: ModelSize,
    rows: int,
    tokens: int,
    training: dict[str, Any],
    method: dict[str, Any],
    measured: int,
) -> None:
    training = {"precision": "Float32", **training}
    spec = a_spec("TextClassification", training=training, method=method)

    estimate = estimate_memory(spec, size, rows, tokens, on_gpu=False)

    assert estimate.total / MEBIBYTE == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        pytest.param(
            {
                "hidden_size": 384,
                "intermediate_size": 1536,
                "num_hidden_layers": 6,
                "num_attention_heads": 12,
                "vocab_size": 30522,
            },
            (384, 1536, 6, 12, 30522),
            id="BERT",
        ),
        pytest.param(
            {"n_embd": 768, "n_layer": 12, "n_head": 12, "n_inner": None, "vocab_size": 50257},
            (768, 0, 12, 12, 50257),
            id="GPT-2",
        ),
        pytest.param(
            {
                "d_model": 512,
                "d_ff": 2048,
                "num_layers": 6,
                "num_decoder_layers": 6,
                "num_heads": 8,
                "vocab_size": 32128,
            },
            (512, 2048, 12, 8, 32128),
            id="T5, encoder and decoder",
        ),
        pytest.param({"depths": [3, 4]}, (0, 0, 0, 0, 0), id="a model without transformer layers"),
    ],
)
def test_the_shape_is_read_whatever_the_family_calls_it(
    config: dict[str, Any], expected: tuple[int, ...]
) -> None:
    size = read_size(config, 100, 50)

    shape = (size.width, size.inner_width, size.layers, size.heads, size.vocabulary)
    assert shape == expected
    assert (size.parameters, size.trainable) == (100, 50)


def test_a_language_model_pays_for_its_logits() -> None:
    size = ModelSize(10_000_000, 10_000_000, 256, 1024, 4, 4, vocabulary=50_000)
    labels, words = (
        estimate_memory(a_spec(task), size, 8, 128, on_gpu=False).activations
        for task in ("TextClassification", "CausalLM")
    )

    assert words - labels == 3 * 8 * 128 * 50_000 * 4


def test_an_adapter_in_four_bits_needs_little_of_the_weights() -> None:
    size = ModelSize(7_000_000_000, 20_000_000, 4096, 11008, 32, 32)
    spec = a_spec("CausalLM", method={"type": "QLoRA"}, resources={"gpusPerNode": 1})

    estimate = estimate_memory(spec, size, 0, 0, on_gpu=True)

    assert 3.5 < estimate.weights / 2**30 < 4
    assert estimate.total < 6 * 2**30


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        pytest.param({}, 100, id="all weights"),
        pytest.param({"type": "LoRA"}, 0, id="an adapter"),
        pytest.param({"freeze": {"lowestLayers": 1}}, 0, id="frozen layers: nobody knows yet"),
    ],
)
def test_before_the_model_is_there_the_guess_is_never_too_high(
    method: dict[str, Any], expected: int
) -> None:
    assert guess_trainable(a_spec("TextClassification", method=method), 100) == expected


def test_the_remedies_are_those_that_help() -> None:
    spec = a_spec("TextClassification", training={"batchSize": 32, "precision": "Float32"})
    long_texts = estimate_memory(spec, MINILM, 32, 512, on_gpu=False)
    few_tokens = estimate_memory(spec, MINILM, 1, 8, on_gpu=False)

    assert list_remedies(spec, long_texts).startswith("lower training.batchSize")
    assert "gradientCheckpointing" in list_remedies(spec, long_texts)
    assert list_remedies(spec, few_tokens).startswith("set method.type to LoRA")
