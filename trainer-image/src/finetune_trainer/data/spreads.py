"""Sizes of texts and rows in numbers that fit into a report. Pure; `reports` puts them together."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from finetune_api.models import ReportedModel
from finetune_trainer.data.kinds.base import Kind

DIGITS = 4
_SIGN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_WORD = re.compile(rf"{_SIGN.pattern}|[^\W_]+")
"""A run of letters and digits; in Chinese and Japanese, which have no spaces, each sign."""


class Spread(ReportedModel):
    """How a number is spread over the rows."""

    minimum: int
    median: int
    p90: int
    p99: int
    maximum: int
    mean: float


def measure_spread(numbers: Sequence[int]) -> Spread | None:
    """Give the percentiles; None for no numbers."""
    if not numbers:
        return None
    ranked = sorted(numbers)
    last = len(ranked) - 1
    return Spread(
        minimum=ranked[0],
        median=ranked[round(last * 0.5)],
        p90=ranked[round(last * 0.9)],
        p99=ranked[round(last * 0.99)],
        maximum=ranked[last],
        mean=round(sum(ranked) / len(ranked), 1),
    )


def count_words(text: str) -> int:
    """Count the words of a text."""
    return len(_WORD.findall(text))


def measure_mean_chunk(texts: Sequence[str]) -> float:
    """Give the mean number of characters between two spaces, Chinese and Japanese signs aside."""
    chunks = [chunk for text in texts for chunk in _SIGN.sub(" ", text).split()]
    return sum(map(len, chunks)) / len(chunks) if chunks else 0.0


def _join_messages(value: Any) -> str:
    return "\n".join(str(message.get("content") or "") for message in value)


READ_TEXT: dict[Kind, Callable[[Any], str]] = {
    Kind.TEXT: str,
    Kind.TOKENS: " ".join,
    Kind.MESSAGES: _join_messages,
}
"""How the values of a kind are read as text; other kinds hold none."""
