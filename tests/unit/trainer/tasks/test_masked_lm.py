from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from finetune_trainer.errors import ConfigError, DataError
from finetune_trainer.tasks.base import Encoded, EncodeSettings
from finetune_trainer.tasks.masked_lm import MASKED_LM
from language_models import make_tiny_gpt2, make_tiny_roberta
from trainer_tasks import a_part, judge, settings_of

TEXTS = [f"the cat says meow and the dog says woof {number}" for number in range(40)]


@pytest.fixture(scope="module")
def roberta(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_roberta(tmp_path_factory.mktemp("models") / "roberta")


def load(folder: Path) -> tuple[Any, Any, EncodeSettings]:
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    settings = replace(settings_of("MaskedLM"), config=model.config, is_training=True)
    return model, AutoTokenizer.from_pretrained(folder), settings


def read(encoded: Encoded) -> list[list[list[int]]]:
    return [[row["input_ids"].tolist(), row["labels"].tolist()] for row in encoded.features]


def test_what_is_hidden_follows_from_seed_epoch_and_row_alone(roberta: Path) -> None:
    _, tokenizer, settings = load(roberta)
    one, other = (MASKED_LM.encode(a_part(text=TEXTS), tokenizer, settings) for _ in range(2))
    assert one.set_epoch is not None
    assert other.set_epoch is not None

    first = read(one)
    one.set_epoch(1)
    second = read(one)
    np.random.default_rng(0).random(100)
    other.set_epoch(1)
    last_row = other.features[-1]["input_ids"].tolist()

    assert first != second == read(other)
    assert last_row == second[-1][0]


def test_rows_to_be_judged_by_are_hidden_once_and_for_all(roberta: Path) -> None:
    _, tokenizer, settings = load(roberta)
    part = a_part("validation", text=TEXTS)
    judging = replace(settings, is_training=False)

    encoded = MASKED_LM.encode(part, tokenizer, judging)

    assert encoded.set_epoch is None
    assert read(encoded) == read(MASKED_LM.encode(part, tokenizer, judging))
    assert read(encoded) != read(MASKED_LM.encode(part, tokenizer, settings))


def test_every_row_has_a_gap_and_no_special_token_is_one(roberta: Path) -> None:
    _, tokenizer, settings = load(roberta)
    part = a_part(text=["one"] * 50)

    encoded = MASKED_LM.encode(part, tokenizer, settings)

    for _, labels in read(encoded):
        guessed = [label for label in labels if label != -100]
        assert guessed
        assert not set(guessed) & set(tokenizer.all_special_ids)


def test_so_many_tokens_are_hidden_masked_swapped_and_kept(roberta: Path) -> None:
    _, tokenizer, settings = load(roberta)
    plain = tokenizer(TEXTS)["input_ids"]
    counts = np.zeros(3)
    total = sum(len(row) - 2 for row in plain) * 40
    encoded = MASKED_LM.encode(a_part(text=TEXTS), tokenizer, settings)
    assert encoded.set_epoch is not None

    for epoch in range(40):
        encoded.set_epoch(epoch)
        for row, (tokens, labels) in zip(plain, read(encoded), strict=True):
            for before, after, label in zip(row, tokens, labels, strict=True):
                if label == -100:
                    assert after == before
                    continue
                kind = 0 if after == tokenizer.mask_token_id else 1 if after != before else 2
                counts[kind] += 1

    assert counts.sum() / total == pytest.approx(0.15, abs=0.02)
    assert counts / counts.sum() == pytest.approx([0.8, 0.1, 0.1], abs=0.02)


def test_the_share_of_hidden_tokens_is_the_jobs(roberta: Path) -> None:
    _, tokenizer, settings = load(roberta)
    often = settings_of("MaskedLM", training={"maskingProbability": 0.5}).spec

    encoded = MASKED_LM.encode(a_part(text=TEXTS), tokenizer, replace(settings, spec=often))

    hidden = np.mean([np.mean(row["labels"] != -100) for row in encoded.features])
    assert 0.35 < hidden < 0.5  # two special tokens of a dozen are never hidden


def test_a_model_without_a_mask_token_is_refused(roberta: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_tiny_gpt2(tmp_path))

    with pytest.raises(ConfigError, match="the tokenizer has no mask token") as caught:
        MASKED_LM.encode(a_part(text=TEXTS), tokenizer, load(roberta)[2])

    assert "CausalLM" in str(caught.value.hint)


def test_a_text_of_nothing_to_hide_is_refused_by_its_row(roberta: Path) -> None:
    _, tokenizer, settings = load(roberta)

    with pytest.raises(DataError, match=r"row 2 of a.csv has a text without a word to hide"):
        MASKED_LM.encode(a_part(text=["one", "<mask>"]), tokenizer, settings)


def test_the_metrics_count_the_hidden_tokens_alone(roberta: Path) -> None:
    model, tokenizer, settings = load(roberta)
    part = a_part("validation", text=TEXTS)

    judged = judge(MASKED_LM, part, tokenizer, replace(settings, is_training=False), model)

    hidden = sum(int((row["labels"] != -100).sum()) for row in judged.rows.encoded.features)
    assert judged.answers["tokens"].sum() == hidden
    assert set(MASKED_LM.measure(judged)) == {"perplexity", "tokenAccuracy", "loss"}
    assert MASKED_LM.describe(judged)[0].startswith("perplexity")


def test_the_gaps_of_a_probe_are_filled(roberta: Path) -> None:
    model, tokenizer, settings = load(roberta)
    part = a_part("probes", text=["the <mask> says meow", "the cat says meow"])

    judged = judge(MASKED_LM, part, tokenizer, settings, model)

    with_gap, without = MASKED_LM.describe(judged)
    assert with_gap.startswith("the")
    assert without.startswith("the cat says")
    assert with_gap.endswith(")")
