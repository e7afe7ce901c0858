"""Turns texts into tokens, in portions; every task on texts uses it."""

from collections.abc import Sequence

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.columns import Column
from finetune_trainer.data.kinds.base import Kind
from finetune_trainer.data.tables import Part
from finetune_trainer.tasks.base import Encoded, Features, Tokenizer

TEXTS_PER_PORTION = 1000
"""A tokenizer returns a hundred times the memory of the tokens: offsets, words, masks."""


def encode_texts(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    max_length: int,
    pairs: Sequence[str] | None = None,
) -> Encoded:
    """Tokenize without padding.

    Args:
        texts: the texts.
        tokenizer: makes tokens of them.
        max_length: tokens of a row, at most; of a pair the longer text is cut first.
        pairs: the second text of each row, in models that take two.

    Returns:
        what the model takes (input_ids, and token_type_ids where it has them), at most `max_length`
        tokens long; no attention_mask, for the collator makes it with the padding.
    """
    import numpy as np

    features: list[Features] = []
    truncated = unknown = 0
    for start in range(0, len(texts), TEXTS_PER_PORTION):
        portion = slice(start, start + TEXTS_PER_PORTION)
        batch = tokenizer(
            list(texts[portion]),
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            **({} if pairs is None else {"text_pair": list(pairs[portion])}),
        )
        # int32 arrays: lists of Python integers take ten times the memory.
        columns = {name: [np.asarray(row, dtype=np.int32) for row in batch[name]] for name in batch}
        features += [
            {name: rows[i] for name, rows in columns.items()}
            for i in range(len(columns["input_ids"]))
        ]
        truncated += sum(bool(encoding.overflowing) for encoding in batch.encodings or ())
        if tokenizer.unk_token_id is not None:
            found = (row == tokenizer.unk_token_id for row in columns["input_ids"])
            unknown += sum(int(matches.sum()) for matches in found)
    lengths = [len(row["input_ids"]) for row in features]
    return Encoded(features, lengths, truncated, unknown)


def list_pair_columns(dataset: Dataset) -> tuple[Column, ...]:
    """Ask for the second text of each row where a job names its column."""
    return tuple(Column(role, Kind.TEXT) for role in list_pair_roles(dataset))


def list_pair_roles(dataset: Dataset) -> tuple[str, ...]:
    """Name the role of the second text where there is one."""
    return () if dataset.columns.text_pair is None else ("text_pair",)


def encode_column(part: Part, tokenizer: Tokenizer, max_length: int) -> Encoded:
    """Tokenize the texts of a part, with the second text of each row where it has one."""
    pairs = part.column("text_pair") if part.has("text_pair") else None
    return encode_texts(part.column("text"), tokenizer, max_length, pairs)
