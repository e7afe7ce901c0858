from types import SimpleNamespace

import pytest

from finetune_api.v1alpha1.method import Method, MethodType, PromptTuning
from finetune_api.v1alpha1.tasks import TaskName
from finetune_trainer.errors import ConfigError
from finetune_trainer.models.prompts import check_family, check_room, count_virtual_tokens


@pytest.mark.parametrize(
    ("method", "count"),
    [
        pytest.param(Method(type="LoRA"), 0, id="none"),
        pytest.param(Method(type="PromptTuning"), 20, id="the default"),
        pytest.param(
            Method(type="PrefixTuning", prompt_tuning=PromptTuning(virtual_tokens=7)), 7, id="named"
        ),
    ],
)
def test_virtual_tokens_take_positions(method: Method, count: int) -> None:
    assert count_virtual_tokens(method) == count


def test_a_text_must_have_room_beside_the_virtual_tokens() -> None:
    config = SimpleNamespace(max_position_embeddings=24)

    with pytest.raises(ConfigError, match="virtualTokens is 20, but the model has 24 positions"):
        check_room(Method(type="PromptTuning"), config)


@pytest.mark.parametrize(
    "positions", [pytest.param(28, id="enough"), pytest.param(None, id="relative positions")]
)
def test_enough_room_is_no_problem(positions: int | None) -> None:
    check_room(Method(type="PromptTuning"), SimpleNamespace(max_position_embeddings=positions))


@pytest.mark.parametrize(
    ("method", "task", "family", "reason"),
    [
        pytest.param(
            "PrefixTuning",
            "TextClassification",
            "distilbert",
            "does not read virtual tokens",
            id="DistilBERT has no place for keys and values",
        ),
        pytest.param(
            "PromptTuning",
            "TextClassification",
            "gpt2",
            "takes its answer from the last token",
            id="GPT-2 looks for the last token",
        ),
        pytest.param(
            "PromptTuning",
            "TextRegression",
            "t5",
            "does not read virtual tokens",
            id="T5 sorts without embeddings",
        ),
        pytest.param(
            "PrefixTuning",
            "Seq2Seq",
            "bart",
            "no positions to spare",
            id="BART counts the prefix among its positions",
        ),
        pytest.param(
            "PrefixTuning",
            "CausalLM",
            "xlnet",
            "does not read virtual tokens",
            id="XLNet has memories of its own",
        ),
    ],
)
def test_a_family_that_cannot_is_refused_with_the_reason(
    method: MethodType, task: TaskName, family: str, reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        check_family(method, task, family)

    assert f"method.type is {method}" in str(caught.value)
    assert family in str(caught.value)


def test_a_family_that_can_is_let_through() -> None:
    check_family("PrefixTuning", "TextClassification", "gpt2")
