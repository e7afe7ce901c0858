from types import SimpleNamespace

import pytest

from finetune_trainer.tasks.base import Encoded
from finetune_trainer.training.encoding import choose_max_length, find_encoding_warnings


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


def an_encoding(truncated: int = 0, unknown: int = 0) -> Encoded:
    return Encoded([{}] * 10, [10] * 10, truncated, unknown)


def test_texts_that_fit_are_no_warning() -> None:
    assert find_encoding_warnings(an_encoding(truncated=2, unknown=5), 128) == []


def test_much_that_is_cut_and_much_that_is_unknown_is_told() -> None:
    cut, unknown = find_encoding_warnings(an_encoding(truncated=3, unknown=6), 128)

    assert cut.startswith("30% of the training texts are cut at 128 tokens")
    assert unknown.startswith("6% of the tokens are unknown")
