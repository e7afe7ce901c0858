"""Whether a tokenizer knows the language of the data, told by how it cuts the words.

A tokenizer cuts what it has seldom seen into many pieces, and a model has seen it as seldom. Many
pieces for a word, or many unknown tokens, mean that the texts are of another domain or language
than those of pre-training. `reports` asks, `training.encoding` warns.
"""

from collections.abc import Sequence
from typing import Any, Protocol

from finetune_api.models import ReportedModel
from finetune_trainer.data.spreads import DIGITS, count_words, measure_mean_chunk

MAX_TEXTS = 500
MAX_CHARACTERS = 1000
TOKENS_PER_WORD_BAR = 3.0
UNKNOWN_SHARE_BAR = 0.05
LONGEST_MEAN_WORD = 25
"""Characters; longer ones are no words but a script without spaces."""


class Tokenizer(Protocol):
    """What is asked of a tokenizer of transformers."""

    unk_token_id: int | None

    def __call__(self, text: list[str], **options: Any) -> Any:
        """Encode texts."""
        ...


class Domain(ReportedModel):
    """How a tokenizer cuts the training texts; no tokensPerWord where there are no words."""

    texts: int
    tokens_per_word: float | None = None
    tokens_per_word_bar: float = TOKENS_PER_WORD_BAR
    unknown_share: float
    unknown_share_bar: float = UNKNOWN_SHARE_BAR

    @property
    def is_strange(self) -> bool:
        """Tell whether the model was hardly trained on such texts."""
        fertility = self.tokens_per_word or 0
        return fertility > self.tokens_per_word_bar or self.unknown_share > self.unknown_share_bar


def measure_domain(texts: Sequence[str], tokenizer: Tokenizer) -> Domain | None:
    """Cut some of the texts, spread evenly; None where there are none."""
    step = max(1, -(-len(texts) // MAX_TEXTS))
    sample = [text[:MAX_CHARACTERS] for text in texts[::step]]
    if not sample:
        return None
    encoded = tokenizer(sample, add_special_tokens=False, return_attention_mask=False)
    tokens = [token for row in encoded["input_ids"] for token in row]
    unknown = tokens.count(tokenizer.unk_token_id) if tokenizer.unk_token_id is not None else 0
    words = sum(count_words(text) for text in sample)
    has_words = words and measure_mean_chunk(sample) <= LONGEST_MEAN_WORD
    return Domain(
        texts=len(sample),
        tokens_per_word=round(len(tokens) / words, DIGITS) if has_words else None,
        unknown_share=round(unknown / max(1, len(tokens)), DIGITS),
    )
