from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetune_trainer.errors import DataError
from finetune_trainer.evaluation.likelihoods import score_likelihoods
from finetune_trainer.tasks.causal_lm import CAUSAL_LM
from language_models import list_counted, make_tiny_gpt2, make_tiny_llama
from trainer_tasks import a_part, judge, settings_of

TEXTS = ["the cat says meow", "one two three", "the dog says woof and the cow says moo"]


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_gpt2(tmp_path_factory.mktemp("models") / "gpt2")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_llama(tmp_path_factory.mktemp("models") / "llama")


def load(folder: Path, attention: str = "sdpa") -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)
    model.config.pad_token_id = tokenizer.pad_token_id
    return model.eval(), tokenizer


def test_a_text_ends_with_its_end_and_is_foretold_but_for_its_first_token(llama: Path) -> None:
    _, tokenizer = load(llama)

    encoded = CAUSAL_LM.encode(a_part(text=TEXTS), tokenizer, settings_of("CausalLM"))

    feature = encoded.features[0]
    assert tokenizer.decode(feature["input_ids"]) == "<s>the cat says meow</s>"
    assert list_counted(tokenizer, feature) == "the cat says meow</s>"
    assert encoded.lengths == [6, 5, 11]


def test_a_text_that_is_cut_has_no_end(gpt2: Path) -> None:
    _, tokenizer = load(gpt2)

    encoded = CAUSAL_LM.encode(a_part(text=TEXTS), tokenizer, settings_of("CausalLM", max_length=8))

    assert tokenizer.decode(encoded.features[0]["input_ids"]) == "the cat says meow<|end|>"
    assert (
        tokenizer.decode(encoded.features[2]["input_ids"]) == "the dog says woof and the cow says"
    )
    assert encoded.truncated == 1


def test_a_text_without_a_token_to_foretell_is_refused_by_its_row(gpt2: Path) -> None:
    _, tokenizer = load(gpt2)
    tokenizer.backend_tokenizer.normalizer = _strip_hyphens()

    with pytest.raises(DataError, match=r"row 2 of a.csv has a text of no token"):
        CAUSAL_LM.encode(a_part(text=["one", "---"]), tokenizer, settings_of("CausalLM"))


def _strip_hyphens() -> Any:
    from tokenizers import normalizers

    return normalizers.Replace("-", "")


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("model_name", ["gpt2", "llama"])
def test_packed_rows_have_the_loss_and_gradient_that_they_have_alone(
    model_name: str, attention: str, request: pytest.FixtureRequest
) -> None:
    model, tokenizer = load(request.getfixturevalue(model_name), attention)
    part = a_part(text=TEXTS)
    settings = settings_of("CausalLM", max_length=16, training={"packing": True})
    alone = CAUSAL_LM.encode(part, tokenizer, settings)
    packed = CAUSAL_LM.encode(part, tokenizer, replace(settings, is_training=True))
    collate = CAUSAL_LM.build_collator(tokenizer, settings)

    losses, gradients = [], []
    for features in (alone.features, packed.features):
        batch = collate(features)
        model.zero_grad()
        loss = model(**batch, use_cache=False).loss
        loss.backward()
        losses.append(float(loss.detach()))
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))

    assert (len(alone), len(packed)) == (3, 2)
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert torch.allclose(gradients[0], gradients[1], atol=1e-5)


def test_only_what_is_learned_from_is_packed(gpt2: Path) -> None:
    _, tokenizer = load(gpt2)
    settings = settings_of("CausalLM", training={"packing": True})

    encoded = CAUSAL_LM.encode(a_part("validation", text=TEXTS), tokenizer, settings)

    assert len(encoded) == 3
    assert "position_ids" not in encoded.features[0]


def test_the_metrics_are_those_of_every_token_alone(gpt2: Path) -> None:
    model, tokenizer = load(gpt2)
    part = a_part("test", text=[*TEXTS, "four"])

    judged = judge(CAUSAL_LM, part, tokenizer, settings_of("CausalLM"), model)

    losses = []
    for text in part.column("text"):
        tokens = torch.tensor([[*tokenizer(text)["input_ids"], tokenizer.eos_token_id]])
        shares = torch.log_softmax(model(tokens).logits[0, :-1], dim=-1)
        losses += (-shares[range(len(shares)), tokens[0, 1:]]).tolist()
    scores = CAUSAL_LM.measure(judged)
    assert scores["loss"] == pytest.approx(np.mean(losses), abs=1e-5)
    assert scores["perplexity"] == pytest.approx(np.exp(np.mean(losses)), rel=1e-4)
    assert score_likelihoods(judged.select([1]).answers)["loss"] != scores["loss"]
    assert CAUSAL_LM.describe(judged)[3].endswith("tokens")


def test_a_probe_is_continued_as_it_would_be_alone(gpt2: Path) -> None:
    model, tokenizer = load(gpt2)
    part = a_part("probes", text=["the cat", "one two three four five"])

    judged = judge(CAUSAL_LM, part, tokenizer, settings_of("CausalLM"), model)

    inputs = tokenizer("the cat", return_tensors="pt")
    alone = model.generate(**inputs, max_new_tokens=8, do_sample=False, pad_token_id=0)
    expected = tokenizer.decode(alone[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert CAUSAL_LM.describe(judged)[0].startswith(expected.strip())
    assert "labels" not in judged.rows.encoded.features[0]
