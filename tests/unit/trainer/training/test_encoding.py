from dataclasses import replace
from types import SimpleNamespace

import pytest

from finetune_trainer.data.domains import Domain
from finetune_trainer.tasks.base import Encoded
from finetune_trainer.training.encoding import (
    EncodingFacts,
    choose_max_length,
    find_encoding_warnings,
    find_padding_warnings,
)


@pytest.mark.parametrize(
    ("wanted", "tokenizer_limit", "config", "length"),
    [
        pytest.param(128, 512, {"max_position_embeddings": 512}, 128, id="what is wanted"),
        pytest.param(512, 256, {"max_position_embeddings": 512}, 256, id="the tokenizer's limit"),
        pytest.param(512, 10**30, {"max_position_embeddings": 64}, 64, id="the model's positions"),
        pytest.param(
            512,
            10**30,
            {"max_position_embeddings": 514, "model_type": "roberta", "pad_token_id": 1},
            512,
            id="RoBERTa counts from its padding token",
        ),
        pytest.param(512, 10**30, {}, 512, id="a model without a limit"),
    ],
)
def test_texts_are_as_long_as_everyone_can_take(
    wanted: int, tokenizer_limit: int, config: dict[str, object], length: int
) -> None:
    tokenizer = SimpleNamespace(model_max_length=tokenizer_limit)

    assert choose_max_length(wanted, tokenizer, SimpleNamespace(**config)) == length


def facts(truncated: int = 0, unknown: int = 0, fertility: float = 1.2) -> EncodingFacts:
    domain = Domain(texts=10, tokens_per_word=fertility, unknown_share=0)
    return EncodingFacts(Encoded([{}] * 10, [10] * 10, truncated, unknown), 10, 128, domain)


def test_texts_that_fit_are_no_warning() -> None:
    assert find_encoding_warnings(facts(truncated=2, unknown=5)) == []


@pytest.mark.parametrize(
    ("found", "warning"),
    [
        pytest.param(facts(truncated=3), "30% of the training texts are cut at 128", id="cut"),
        pytest.param(facts(unknown=6), "6% of the tokens are unknown", id="unknown"),
        pytest.param(
            facts(fertility=3.4), "the tokenizer makes 3.4 tokens of a word", id="strange words"
        ),
    ],
)
def test_much_that_the_model_cannot_read_is_told(found: EncodingFacts, warning: str) -> None:
    (told,) = find_encoding_warnings(found)

    assert told.startswith(warning)


def test_rows_without_a_domain_are_no_warning() -> None:
    assert find_encoding_warnings(replace(facts(), domain=None)) == []


def test_mostly_padding_is_told() -> None:
    assert find_padding_warnings(0.4) == []
    assert find_padding_warnings(0.6)[0].startswith("60% of what the model reads is padding")
