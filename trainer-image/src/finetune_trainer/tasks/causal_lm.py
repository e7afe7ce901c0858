"""Continue texts of a domain: the model learns to foretell every token from those before it.

Row: {"text": "The patient was admitted with acute dyspnoea."}
"""

from typing import Any

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.data.templates import list_text_columns
from finetune_trainer.evaluation.likelihoods import score_likelihoods
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Judged, Scores, Task
from finetune_trainer.tasks.continuations import (
    PROBES,
    answer,
    build_collator,
    describe,
    make_feature,
)
from finetune_trainer.tasks.encoding import encode_texts
from finetune_trainer.tasks.packing import pack_rows
from finetune_trainer.tasks.sifting import sift_rows


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a text."""
    return Needs(columns=list_text_columns(dataset), identity=("text",))


def encode_rows(part: Part, tokenizer: Any, settings: EncodeSettings) -> Encoded:
    """Tokenize, and end each text that was not cut with the end-of-text token.

    Returns:
        input_ids and labels, for probes input_ids alone; of the training part, where training
        packs, several texts in each feature.
    """
    tokens = encode_texts(part.column("text"), tokenizer, settings.max_length)
    if part.name == PROBES:
        features = [{"input_ids": row["input_ids"]} for row in tokens.features]
        return Encoded(features, tokens.lengths)
    features = [
        make_feature(_end_text(row["input_ids"], tokenizer.eos_token_id, settings.max_length))
        for row in tokens.features
    ]
    empty = {i: "a text of no token" for i, row in enumerate(features) if len(row["labels"]) < 2}
    sifted = sift_rows(
        part, empty, settings.spec.dataset.on_bad_row, "remove the row, or write more in it"
    )
    kept = [features[position] for position in sifted.kept]
    encoded = Encoded(
        kept,
        [len(row["input_ids"]) for row in kept],
        tokens.truncated,
        tokens.unknown,
        rows=sifted.kept if empty else None,
        warnings=sifted.warnings,
    )
    if settings.is_training and settings.spec.training.packing:
        return pack_rows(encoded, settings.max_length)
    return encoded


def measure(judged: Judged) -> Scores:
    """Give perplexity, loss and the share of tokens that were foretold."""
    return score_likelihoods(judged.answers)


def _end_text(tokens: Any, end: int | None, max_length: int) -> Any:
    """Add the end of the text; one that fills the sequence was cut, or has no room for it."""
    import numpy as np

    if end is None or len(tokens) >= max_length or (len(tokens) and tokens[-1] == end):
        return tokens
    return np.append(tokens, np.int32(end))


CAUSAL_LM = Task(
    name="CausalLM",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForCausalLM",
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=None,
    describe=describe,
    answer=answer,
    probe_role="text",
    loss_spans_batches=True,
)
