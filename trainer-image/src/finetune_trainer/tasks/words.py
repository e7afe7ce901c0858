"""Turns words into tokens, and tells which word each token comes from.

TokenClassification uses it. The words are joined by spaces and tokenized as the text that they
make: that is what the model was pre-trained on and what it will be asked about, while a tokenizer
that is given words alone leaves out the space that byte-level ones count as part of a word.
"""

from collections.abc import Sequence
from typing import Any

from finetune_trainer.data.kinds.words import split_words
from finetune_trainer.errors import ConfigError
from finetune_trainer.tasks.base import Encoded, Features, Tokenizer
from finetune_trainer.tasks.encoding import TEXTS_PER_PORTION

NO_WORD = -1


def encode_words(rows: Sequence[Any], tokenizer: Tokenizer, max_length: int) -> Encoded:
    """Tokenize without padding.

    Args:
        rows: the words of each row; a text, such as a probe, is split at its spaces.
        tokenizer: one that knows where its tokens come from.
        max_length: tokens of a row, at most.

    Returns:
        what the model takes, and `words`: for each token the number of the word that it is the
        first piece of, else -1.

    Raises:
        ConfigError: the tokenizer cannot tell where its tokens come from.
    """
    refuse_slow(tokenizer, "which word each token comes from")
    features: list[Features] = []
    truncated = unknown = 0
    for start in range(0, len(rows), TEXTS_PER_PORTION):
        portion = [split_words(row) for row in rows[start : start + TEXTS_PER_PORTION]]
        batch = tokenizer(
            [" ".join(words) for words in portion],
            truncation=True,
            max_length=max_length,
            return_attention_mask=False,
            return_offsets_mapping=True,
        )
        features += [_take_row(batch, number, words) for number, words in enumerate(portion)]
        truncated += sum(bool(encoding.overflowing) for encoding in batch.encodings)
    if tokenizer.unk_token_id is not None:
        unknown = sum(int((row["input_ids"] == tokenizer.unk_token_id).sum()) for row in features)
    return Encoded(features, [len(row["input_ids"]) for row in features], truncated, unknown)


def refuse_slow(tokenizer: Any, what: str) -> None:
    """Refuse a tokenizer that does not keep the places of its tokens in the text.

    Raises:
        ConfigError: it is one of the slow ones.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise ConfigError(
            f"the tokenizer of the model ({type(tokenizer).__name__}) cannot tell {what}",
            hint="choose a model with a tokenizer.json, or set model.tokenizerSource to one",
        )


def _take_row(batch: Any, number: int, words: list[str]) -> Features:
    import numpy as np

    # The word of each character, with the space behind it; the last entry is for empty texts.
    owners = np.repeat(np.arange(len(words) + 1), [*(len(word) + 1 for word in words), 1])
    offsets = np.asarray(batch["offset_mapping"][number], dtype=np.int64).reshape(-1, 2)
    # By the last character: byte-level tokens may begin with the space in front of their word.
    found = np.where(offsets[:, 1] > offsets[:, 0], owners[offsets[:, 1] - 1], NO_WORD)
    is_first = np.r_[True, found[1:] != found[:-1]]
    taken = {
        name: np.asarray(batch[name][number], dtype=np.int32)
        for name in batch
        if name != "offset_mapping"
    }
    return {**taken, "words": np.where(is_first, found, NO_WORD).astype(np.int32)}
