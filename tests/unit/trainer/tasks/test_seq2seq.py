from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.base import EncodeSettings
from finetune_trainer.tasks.seq2seq import SEQ2SEQ
from language_models import make_tiny_bart, make_tiny_t5
from trainer_tasks import a_part, judge, settings_of

PART = a_part(source=["4 2", "1", "7 7 7 7"], target=["four two", "one", "seven seven seven seven"])


@pytest.fixture(scope="module", params=[make_tiny_t5, make_tiny_bart])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = request.param(tmp_path_factory.mktemp("models") / "tiny")
    return made


def load(folder: Path, **sections: Any) -> tuple[Any, Any, EncodeSettings]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    settings = replace(settings_of("Seq2Seq", **sections), config=model.config)
    return model, AutoTokenizer.from_pretrained(folder), settings


def test_sources_and_targets_each_have_their_own_limit(folder: Path) -> None:
    _, tokenizer, settings = load(folder, training={"maxTargetLength": 3})

    encoded = SEQ2SEQ.encode(PART, tokenizer, settings)

    targets = [
        tokenizer.decode(row["labels"], skip_special_tokens=True) for row in encoded.features
    ]
    ends = [int(row["labels"][-1]) == tokenizer.eos_token_id for row in encoded.features]
    assert targets[1] == "one"
    assert ends[1:] == [True, False]
    assert encoded.lengths[2] > 3
    assert "cut at 3 tokens: raise training.maxTargetLength" in encoded.warnings[0]


def test_a_batch_has_the_width_of_each_side(folder: Path) -> None:
    _, tokenizer, settings = load(folder)
    features = SEQ2SEQ.encode(PART, tokenizer, settings).features

    batch = SEQ2SEQ.build_collator(tokenizer, settings)(features)

    assert batch["input_ids"].shape == batch["attention_mask"].shape
    assert batch["labels"].shape == (3, max(len(row["labels"]) for row in features))
    assert batch["labels"][1, -1] == -100


def test_the_loss_is_that_of_every_target_token(folder: Path) -> None:
    model, tokenizer, settings = load(folder, evaluation={"generation": {"maxNewTokens": 2}})

    judged = judge(SEQ2SEQ, PART, tokenizer, settings, model)

    losses = []
    for source, target in zip(PART.column("source"), PART.column("target"), strict=True):
        labels = tokenizer(target, return_tensors="pt")["input_ids"]
        logits = model(**tokenizer(source, return_tensors="pt"), labels=labels).logits
        shares = torch.log_softmax(logits[0], dim=-1)
        losses += (-shares[range(len(labels[0])), labels[0]]).tolist()
    assert SEQ2SEQ.measure(judged)["loss"] == pytest.approx(np.mean(losses), abs=1e-4)


@pytest.mark.parametrize("beams", [1, 3])
def test_texts_are_written_as_the_model_alone_would(folder: Path, beams: int) -> None:
    generation = {"maxNewTokens": 6, "beams": beams}
    model, tokenizer, settings = load(folder, evaluation={"generation": generation})

    judged = judge(SEQ2SEQ, PART, tokenizer, settings, model)

    written = []
    for source in PART.column("source"):
        inputs = tokenizer(source, return_tensors="pt")
        made = model.generate(**inputs, max_new_tokens=6, num_beams=beams, do_sample=False)
        written.append(tokenizer.decode(made[0], skip_special_tokens=True).strip())
    assert SEQ2SEQ.describe(judged) == written


def test_a_probe_needs_no_target(folder: Path) -> None:
    model, tokenizer, settings = load(folder)

    judged = judge(SEQ2SEQ, a_part("probes", source=["4 2"]), tokenizer, settings, model)

    assert len(SEQ2SEQ.describe(judged)) == 1
    assert set(judged.answers) == {"texts"}


def test_a_text_is_no_longer_than_the_decoder_can_count(folder: Path) -> None:
    model, tokenizer, settings = load(folder, evaluation={"generation": {"maxNewTokens": 70}})
    model.config.eos_token_id = model.generation_config.eos_token_id = None
    model.generation_config.forced_eos_token_id = None

    judged = judge(SEQ2SEQ, a_part("probes", source=["4 2"]), tokenizer, settings, model)

    positions = getattr(model.config, "max_position_embeddings", 71)
    assert judged.answers["texts"].shape[1] <= positions


def test_a_model_that_does_not_know_how_to_begin_is_refused(folder: Path) -> None:
    _, tokenizer, settings = load(folder)
    settings.config.decoder_start_token_id = None

    with pytest.raises(ConfigError, match="names no decoder_start_token_id"):
        SEQ2SEQ.encode(PART, tokenizer, settings)
