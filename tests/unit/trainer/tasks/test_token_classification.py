import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks import words
from finetune_trainer.tasks.token_classification import TOKEN_CLASSIFICATION, complain_about_lengths
from finetune_trainer.tasks.words import encode_words
from trainer_families import FAMILIES
from trainer_models import make_tiny_bert
from trainer_tasks import a_part, judge, settings_of

LABELS = ("B-GOOD", "I-GOOD", "O")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def answer_by_rule(model: Any, batch: Any, spec: Any) -> Any:
    """Give every first piece its own tag, so that only what was cut is wrong."""
    import torch

    del model, spec
    return {"numbers": batch["labels"].clamp(min=0), "losses": torch.ones(batch["labels"].shape)}


def test_the_first_piece_of_a_word_carries_its_tag(tokenizer: Any) -> None:
    part = a_part(tokens=[["very", "goodish", "film"]], tags=[["O", "B-GOOD", "O"]])

    encoded = TOKEN_CLASSIFICATION.encode(
        part, tokenizer, settings_of("TokenClassification", LABELS)
    )

    (row,) = encoded.features
    pieces = tokenizer.convert_ids_to_tokens(row["input_ids"])
    assert pieces == ["[CLS]", "very", "good", "##i", "##s", "##h", "film", "[SEP]"]
    assert row["labels"].tolist() == [-100, 2, 0, -100, -100, -100, 2, -100]
    assert row["words"].tolist() == [-1, 0, 1, -1, -1, -1, 2, -1]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_word_has_one_first_piece_in_every_family(tmp_path: Path, family: str) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FAMILIES[family](tmp_path))
    row = ["the", "goodish", "film", "a-b", "Don't", "1.2"]

    (encoded,) = encode_words([row], tokenizer, 64).features

    found = [word for word in encoded["words"].tolist() if word >= 0]
    assert found == list(range(len(row)))


def test_words_are_tokenized_as_the_text_that_they_make(tmp_path: Path) -> None:
    """A byte-level tokenizer that is given words alone leaves out the space before them."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(FAMILIES["RoBERTa"](tmp_path))

    (encoded,) = encode_words([["the", "film"]], tokenizer, 64).features

    assert encoded["input_ids"].tolist() == tokenizer("the film")["input_ids"]


def test_words_are_encoded_in_portions(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "TEXTS_PER_PORTION", 2)
    rows = [["good"], ["bad", "film"], ["§"], ["the"] * 9]

    encoded = encode_words(rows, tokenizer, 6)

    assert encoded.lengths == [3, 4, 3, 6]
    assert (encoded.truncated, encoded.unknown) == (1, 1)


def test_a_text_is_split_into_words_as_a_probe_is(tokenizer: Any) -> None:
    encoded = encode_words(["good film", " "], tokenizer, 8)

    assert [row["words"].tolist() for row in encoded.features] == [[-1, 0, 1, -1], [-1, -1]]


def test_a_tokenizer_that_keeps_no_places_is_refused() -> None:
    slow: Any = SimpleNamespace(is_fast=False)

    with pytest.raises(
        ConfigError, match="cannot tell which word each token comes from"
    ) as refused:
        encode_words([["a"]], slow, 8)

    assert "model.tokenizerSource" in str(refused.value.hint)


def test_words_that_were_cut_count_as_not_found(tokenizer: Any) -> None:
    part = a_part(
        tokens=[["good", "film", "good"], ["good", "film"], ["film"]],
        tags=[["B-GOOD", "O", "B-GOOD"], ["B-GOOD", "O"], ["O"]],
    )
    settings = settings_of("TokenClassification", LABELS, max_length=4)

    from dataclasses import replace

    task = replace(TOKEN_CLASSIFICATION, answer=answer_by_rule)
    judged = judge(task, part, tokenizer, settings, SimpleNamespace(eval=lambda: None))
    scores = task.measure(judged)

    assert (scores["precision"], scores["recall"]) == (1.0, 2 / 3)
    assert scores["accuracy"] == 5 / 6
    assert scores["loss"] == 1.0
    assert task.describe(judged) == ["GOOD: good", "GOOD: good", "none"]


def test_the_loss_is_that_of_the_model(folder: Path, tokenizer: Any) -> None:
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=3)
    part = a_part(tokens=[["good", "film"], ["bad"]], tags=[["B-GOOD", "O"], ["O"]])
    settings = settings_of("TokenClassification", LABELS)
    encoded = TOKEN_CLASSIFICATION.encode(part, tokenizer, settings)
    batch = TOKEN_CLASSIFICATION.build_collator(tokenizer, settings)(encoded.features)

    judged = judge(TOKEN_CLASSIFICATION, part, tokenizer, settings, model)

    expected = float(model(**batch).loss.detach())
    assert TOKEN_CLASSIFICATION.measure(judged)["loss"] == pytest.approx(expected, rel=1e-5)


def test_without_tags_entities_are_told_all_the_same(folder: Path, tokenizer: Any) -> None:
    from transformers import AutoModelForTokenClassification

    model = AutoModelForTokenClassification.from_pretrained(folder, num_labels=3)
    model.classifier.bias.data[:] = model.classifier.bias.new_tensor([9.0, 0.0, 0.0])
    part = a_part(tokens=[["good", "film"]])

    judged = judge(
        TOKEN_CLASSIFICATION, part, tokenizer, settings_of("TokenClassification", LABELS), model
    )

    assert TOKEN_CLASSIFICATION.describe(judged) == ["GOOD: good; GOOD: film"]


def test_the_baseline_gives_every_word_the_commonest_tag() -> None:
    train = a_part(tags=[["O", "O", "B-GOOD"]])
    part = a_part("test", tags=[["O", "B-GOOD"], ["I-GOOD"]])

    scores = TOKEN_CLASSIFICATION.measure_baseline(train, part, LABELS)

    assert (scores["f1"], scores["accuracy"]) == (0.0, pytest.approx(1 / 3))
    assert scores["loss"] == pytest.approx(-np.log([3 / 6, 2 / 6, 1 / 6]).mean())
    assert math.isfinite(scores["loss"])


def test_words_and_tags_must_pair_up() -> None:
    assert complain_about_lengths({"tokens": ["a"], "tags": ["O"]}) is None
    assert complain_about_lengths({"tokens": ["a"], "tags": []}) == (
        "1 tokens but 0 tags: each word needs one tag"
    )
