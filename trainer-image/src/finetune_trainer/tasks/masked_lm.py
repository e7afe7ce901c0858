"""Read a domain before another task is learned on it: the model guesses words that are hidden.

Row: {"text": "The patient was admitted with acute dyspnoea."}
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.data.templates import list_text_columns
from finetune_trainer.errors import ConfigError
from finetune_trainer.evaluation.generation import decode_texts
from finetune_trainer.evaluation.likelihoods import (
    ask_in_portions,
    describe_likelihoods,
    score_likelihoods,
    sum_likelihoods,
)
from finetune_trainer.tasks.base import (
    Batch,
    Collator,
    Encoded,
    EncodeSettings,
    Judged,
    Scores,
    Task,
    Tokenizer,
)
from finetune_trainer.tasks.continuations import PROBES
from finetune_trainer.tasks.encoding import encode_texts
from finetune_trainer.tasks.masking import HiddenRows, Hiding
from finetune_trainer.tasks.padding import PadToLongest
from finetune_trainer.tasks.sifting import sift_rows

if TYPE_CHECKING:
    import torch

DEFAULT_PROBABILITY = 0.15


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a text."""
    return Needs(columns=list_text_columns(dataset), identity=("text",))


def encode_rows(part: Part, tokenizer: Any, settings: EncodeSettings) -> Encoded:
    """Tokenize; which tokens are hidden is decided when a row is asked for.

    Returns:
        input_ids and labels (and token_type_ids where the model has them); of probes no labels, and
        only the mask tokens that they hold are to be guessed, or one word where there is none.
    """
    hiding = _choose_hiding(tokenizer, settings)
    tokens = encode_texts(part.column("text"), tokenizer, settings.max_length)
    if part.name == PROBES:
        return replace(tokens, features=[_hide_a_word(row, hiding) for row in tokens.features])
    bare = {
        position: "a text without a word to hide"
        for position, row in enumerate(tokens.features)
        if not len(hiding.list_hideable(row["input_ids"]))
    }
    sifted = sift_rows(
        part, bare, settings.spec.dataset.on_bad_row, "remove the row, or write more in it"
    )
    hidden = HiddenRows(
        [tokens.features[position] for position in sifted.kept], hiding, settings.is_training
    )
    return replace(
        tokens,
        features=hidden,
        lengths=[tokens.lengths[position] for position in sifted.kept],
        rows=sifted.kept if bare else None,
        set_epoch=hidden.set_epoch if settings.is_training else None,
        warnings=sifted.warnings,
    )


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest row."""
    del settings
    return PadToLongest(tokenizer)


def answer(model: Any, batch: Batch, spec: FineTuneJobSpec) -> "Mapping[str, torch.Tensor]":
    """Give the sums of each row that has labels; of a probe the likeliest token at each place."""
    del spec
    if "labels" not in batch:
        guesses = model(**batch).logits.argmax(dim=-1)
        return {"texts": batch["input_ids"], "guesses": guesses}
    return ask_in_portions(lambda some: _guess(model, some), batch, model.config.vocab_size)


def measure(judged: Judged) -> Scores:
    """Give perplexity, loss and the share of hidden tokens that were guessed."""
    return score_likelihoods(judged.answers)


def describe(judged: Judged) -> list[str]:
    """Give each probe with its gaps filled, and what they were filled with."""
    import numpy as np

    if "guesses" not in judged.answers:
        return describe_likelihoods(judged.answers)
    texts, guesses = judged.answers["texts"], judged.answers["guesses"]
    gaps = texts == judged.processor.mask_token_id
    filled = decode_texts(judged.processor, np.where(gaps, guesses, texts))
    words = decode_texts(judged.processor, np.where(gaps, guesses, -100))
    return [f"{text} ({word})" for text, word in zip(filled, words, strict=True)]


def _guess(model: Any, batch: Batch) -> "Mapping[str, torch.Tensor]":
    inputs = {name: values for name, values in batch.items() if name != "labels"}
    return sum_likelihoods(model(**inputs).logits, batch["labels"])


def _choose_hiding(tokenizer: Any, settings: EncodeSettings) -> Hiding:
    import numpy as np

    if tokenizer.mask_token_id is None:
        raise ConfigError(
            "task MaskedLM hides words, but the tokenizer has no mask token",
            hint="choose an encoder such as BERT or RoBERTa, or task CausalLM for this model",
        )
    training = settings.spec.training
    return Hiding(
        probability=training.masking_probability or DEFAULT_PROBABILITY,
        mask=tokenizer.mask_token_id,
        special=np.asarray(sorted(tokenizer.all_special_ids)),
        vocabulary=min(len(tokenizer), settings.config.vocab_size),
        seed=training.seed,
    )


def _hide_a_word(row: Any, hiding: Hiding) -> dict[str, Any]:
    """Hide the last word of a probe in which nothing is hidden."""
    tokens = row["input_ids"].copy()
    places = hiding.list_hideable(tokens)
    if hiding.mask not in tokens and len(places):
        tokens[places[-1]] = hiding.mask
    return {**row, "input_ids": tokens}


MASKED_LM = Task(
    name="MaskedLM",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForMaskedLM",
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=None,
    describe=describe,
    answer=answer,
    probe_role="text",
    loss_spans_batches=True,
)
