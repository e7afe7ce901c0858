from pathlib import Path

import numpy as np
import pytest

from finetune_trainer.evaluation.generation import decode_texts, score_texts
from language_models import END, PAD, make_tokenizer

PERFECT = {"rouge1": 1.0, "rouge2": 1.0, "rougeL": 1.0}


def test_the_right_text_has_the_best_scores() -> None:
    texts = ["the cat sat on the mat", "a dog barked at it"]

    scores = score_texts(texts, texts)

    assert scores == pytest.approx({**PERFECT, "bleu": 100.0, "chrf": 100.0})


def test_the_order_of_words_counts_for_the_longest_common_run_only() -> None:
    scores = score_texts(["mat the on sat"], ["sat on the mat"])

    assert scores["rouge1"] == 1.0
    assert scores["rouge2"] == 0.0
    assert scores["rougeL"] == 0.25


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("der Bär hört zu", id="umlauts"),
        pytest.param("кошка сидит на окне", id="another script"),
    ],
)
def test_words_of_any_script_are_words(text: str) -> None:
    scores = score_texts([text, "x"], [text, text])

    assert {name: scores[name] for name in PERFECT} == dict.fromkeys(PERFECT, 0.5)


def test_nothing_written_scores_nothing() -> None:
    assert set(score_texts([""], ["a word"]).values()) == {0.0}


def test_texts_are_decoded_without_special_tokens_and_filling(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path, {"eos_token": END, "pad_token": PAD})
    words = tokenizer("one two")["input_ids"]
    numbers = np.array([[tokenizer.pad_token_id, *words, tokenizer.eos_token_id, -100, -100]])

    assert decode_texts(tokenizer, numbers) == ["one two"]
