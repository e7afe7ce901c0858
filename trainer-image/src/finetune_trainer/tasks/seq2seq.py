"""Turn a text into another: summaries, translations, dates from words.

Row: {"source": "translate English to German: How are you?", "target": "Wie geht es dir?"}
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.dataset import Dataset
from finetune_api.v1alpha1.evaluation import Generation
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import ConfigError
from finetune_trainer.evaluation.generation import decode_texts, score_texts
from finetune_trainer.evaluation.likelihoods import (
    ask_in_portions,
    measure_loss,
    sum_likelihoods,
)
from finetune_trainer.tasks.base import (
    Batch,
    Collator,
    Encoded,
    EncodeSettings,
    Features,
    Judged,
    Scores,
    Task,
    Tokenizer,
)
from finetune_trainer.tasks.encoding import TEXTS_PER_PORTION, encode_texts
from finetune_trainer.tasks.padding import PadToLongest

if TYPE_CHECKING:
    import torch

DEFAULT_TARGET_TOKENS = 128


@dataclass(frozen=True, slots=True)
class BatchPairs:
    """Makes batches of two widths: that of the sources and that of the targets.

    Attributes:
        pad: pads the sources.
    """

    pad: PadToLongest

    def __call__(self, rows: Sequence[Features]) -> Batch:
        """Pad sources and targets, each to the longest.

        Returns:
            input_ids and attention_mask [rows, tokens], and labels [rows, target tokens], -100
            where a target is shorter than the longest; probes have none.
        """
        import numpy as np
        import torch

        batch = self.pad([{"input_ids": row["input_ids"]} for row in rows])
        if "labels" in rows[0]:
            labels = np.full((len(rows), max(len(row["labels"]) for row in rows)), -100)
            for line, row in zip(labels, rows, strict=True):
                line[: len(row["labels"])] = row["labels"]
            batch["labels"] = torch.from_numpy(labels)
        return batch


def find_needs(dataset: Dataset) -> Needs:
    """Ask for a text and what becomes of it."""
    del dataset
    return Needs(
        columns=(Column("source", Kind.TEXT), Column("target", Kind.TEXT)), identity=("source",)
    )


def encode_rows(part: Part, tokenizer: Any, settings: EncodeSettings) -> Encoded:
    """Tokenize both sides, each to its own limit.

    Returns:
        input_ids, and where the part has targets, labels that end with the end-of-text token.
    """
    _check_start(settings.config)
    sources = encode_texts(part.column("source"), tokenizer, settings.max_length)
    # Some tokenizers add what only encoders take.
    features: list[Features] = [{"input_ids": row["input_ids"]} for row in sources.features]
    if not part.has("target"):
        return replace(sources, features=features)
    targets, cut = _encode_targets(part.column("target"), tokenizer, _choose_length(settings))
    pairs: list[Features] = [
        {**row, "labels": target} for row, target in zip(features, targets, strict=True)
    ]
    return replace(sources, features=pairs, warnings=_warn_of_cuts(cut, len(targets), settings))


def build_collator(tokenizer: Tokenizer, settings: EncodeSettings) -> Collator:
    """Pad sources and targets, each to the longest of the batch."""
    del settings
    return BatchPairs(PadToLongest(tokenizer, "right"))


def answer(model: Any, batch: Batch, spec: FineTuneJobSpec) -> "Mapping[str, torch.Tensor]":
    """Give the text that the model writes for each row, and what it made of the target."""
    generation = spec.evaluation.generation or Generation()
    sources = {name: values for name, values in batch.items() if name != "labels"}
    written = model.generate(
        **sources,
        max_new_tokens=_bound_by_positions(generation.max_new_tokens, model.config),
        num_beams=generation.beams,
        do_sample=False,
        use_cache=True,
        pad_token_id=model.config.pad_token_id,
    )
    if "labels" not in batch:
        return {"texts": written}
    sums = ask_in_portions(lambda some: _read(model, some), batch, model.config.vocab_size)
    return {"texts": written, **sums}


def measure(judged: Judged) -> Scores:
    """Compare what was written with the targets, and give the loss of each target token."""
    written = decode_texts(judged.processor, judged.answers["texts"])
    scores = score_texts(written, judged.rows.part.column("target"))
    return {**scores, "loss": measure_loss(judged.answers)}


def describe(judged: Judged) -> list[str]:
    """Give what was written for each row."""
    return decode_texts(judged.processor, judged.answers["texts"])


def _read(model: Any, batch: Batch) -> "Mapping[str, torch.Tensor]":
    # The labels go along: from them the model makes what its decoder reads.
    return sum_likelihoods(model(**batch, use_cache=False).logits, batch["labels"])


def _check_start(config: Any) -> None:
    if getattr(config, "decoder_start_token_id", None) is None:
        raise ConfigError(
            f"the configuration of this {config.model_type} model names no decoder_start_token_id,"
            " so its decoder has nothing to begin with",
            hint="set decoder_start_token_id in its config.json; T5 begins with the padding token",
        )


def _choose_length(settings: EncodeSettings) -> int:
    wanted = settings.spec.training.max_target_length or DEFAULT_TARGET_TOKENS
    return _bound_by_positions(wanted, settings.config)


def _bound_by_positions(tokens: int, config: Any) -> int:
    """Keep to what the decoder can count to; models such as T5 count no positions."""
    positions = getattr(config, "max_position_embeddings", None)
    return min(tokens, positions - 1) if isinstance(positions, int) else tokens


def _encode_targets(
    texts: Sequence[str], tokenizer: Any, max_length: int
) -> "tuple[list[Any], int]":
    """Tokenize targets, and end those that were not cut; give them and the number of cut ones."""
    import numpy as np

    targets: list[Any] = []
    end = tokenizer.eos_token_id
    cut = 0
    for start in range(0, len(texts), TEXTS_PER_PORTION):
        batch = tokenizer(text_target=list(texts[start : start + TEXTS_PER_PORTION]))
        for tokens in batch["input_ids"]:
            ended = tokens if end is None or tokens[-1:] == [end] else [*tokens, end]
            cut += len(ended) > max_length
            targets.append(np.asarray(ended[:max_length], dtype=np.int32))
    return targets, cut


def _warn_of_cuts(cut: int, rows: int, settings: EncodeSettings) -> tuple[str, ...]:
    if not cut:
        return ()
    return (
        f"{cut} of {rows} targets are cut at {_choose_length(settings)} tokens: raise"
        " training.maxTargetLength, or the model learns to stop half way",
    )


SEQ2SEQ = Task(
    name="Seq2Seq",
    processor="Tokenizer",
    find_needs=find_needs,
    auto_model="AutoModelForSeq2SeqLM",
    encode=encode_rows,
    build_collator=build_collator,
    measure=measure,
    measure_baseline=None,
    describe=describe,
    answer=answer,
    probe_role="source",
    loss_spans_batches=True,
)
