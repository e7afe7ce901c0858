"""What the tasks of models that read from left to right share: batches, likelihoods, continuations.

CausalLM and InstructionTuning use it. A row with labels is read, and the model is asked how likely
it finds it; one without, a probe, is continued.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.evaluation import Generation
from finetune_trainer.evaluation.generation import decode_texts
from finetune_trainer.evaluation.likelihoods import (
    ask_in_portions,
    describe_likelihoods,
    sum_next_tokens,
)
from finetune_trainer.tasks.base import Batch, Collator, EncodeSettings, Features, Judged, Tokenizer
from finetune_trainer.tasks.packing import POSITIONS
from finetune_trainer.tasks.padding import PadToLongest

if TYPE_CHECKING:
    import numpy
    import torch

PROBES = "probes"
"""The name of the part that holds spec.evaluation.probes."""
NEW_TOKENS = Generation().max_new_tokens
"""Tokens of a continuation, at most; evaluation.generation is Seq2Seq's."""


@dataclass(frozen=True, slots=True)
class BatchTexts:
    """Makes batches: rows to read are padded at the right, rows to continue at the left.

    Attributes:
        read: pads what is read.
        continue_: pads what is continued.
    """

    read: PadToLongest
    continue_: PadToLongest

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Pad the rows; packed ones get no attention mask, for it would hide where they end."""
        if "labels" not in rows[0]:
            return self.continue_(rows)
        batch = self.read(rows)
        if POSITIONS in batch:
            del batch["attention_mask"]
        return batch


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad each batch to its longest row, whatever the side of the tokenizer."""
    del settings
    return BatchTexts(PadToLongest(tokenizer, "right"), PadToLongest(tokenizer, "left"))


def make_feature(tokens: "numpy.ndarray[Any, Any]", counted: Any = True) -> dict[str, Any]:
    """Make a row to read.

    Args:
        tokens: [tokens].
        counted: which of them the loss counts, [tokens] or one answer for all. The first token of a
            row never counts: nothing comes before it. Said aloud, so that packed rows do not
            foretell each other and every label that is there is one target.
    """
    import numpy as np

    labels = np.where(counted, tokens, -100).astype(np.int32)
    labels[:1] = -100
    return {"input_ids": tokens, "labels": labels}


def answer(model: Any, batch: Batch, spec: FineTuneJobSpec) -> "Mapping[str, torch.Tensor]":
    """Give the sums of each row that has labels, and the continuation of each that has none."""
    del spec
    if "labels" in batch:
        return ask_in_portions(lambda some: _read(model, some), batch, model.config.vocab_size)
    width = batch["input_ids"].shape[1]
    positions = getattr(model.config, "max_position_embeddings", None) or width + NEW_TOKENS
    written = model.generate(
        **batch,
        max_new_tokens=max(1, min(NEW_TOKENS, positions - width)),
        do_sample=False,
        num_beams=1,
        use_cache=True,
        pad_token_id=model.config.pad_token_id,
    )
    return {"texts": written[:, width:]}


def describe(judged: Judged) -> list[str]:
    """Give the continuation of each probe; of other rows, how well they were foreseen."""
    if "texts" in judged.answers:
        return decode_texts(judged.processor, judged.answers["texts"])
    return describe_likelihoods(judged.answers)


def _read(model: Any, batch: Batch) -> "Mapping[str, torch.Tensor]":
    inputs = {name: values for name, values in batch.items() if name != "labels"}
    return sum_next_tokens(model(**inputs, use_cache=False).logits, batch["labels"])
