"""Turns texts into tokens, in portions; every task on texts uses it."""

from collections.abc import Sequence

from finetune_trainer.tasks.base import Encoded, Features, Tokenizer

TEXTS_PER_PORTION = 1000
"""A tokenizer returns a hundred times the memory of the tokens: offsets, words, masks."""


def encode_texts(texts: Sequence[str], tokenizer: Tokenizer, max_length: int) -> Encoded:
    """Tokenize without padding.

    Returns:
        what the model takes (input_ids, and token_type_ids where it has them), at most `max_length`
        tokens long; no attention_mask, for the collator makes it with the padding.
    """
    import numpy as np

    features: list[Features] = []
    truncated = unknown = 0
    for start in range(0, len(texts), TEXTS_PER_PORTION):
        batch = tokenizer(
            list(texts[start : start + TEXTS_PER_PORTION]),
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
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
