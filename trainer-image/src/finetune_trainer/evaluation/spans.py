"""Answers as parts of a text: choosing the likeliest one, and scoring it as SQuAD does.

QuestionAnswering uses it. Exact match and F1 over words are those of the official SQuAD script:
case, punctuation and the articles a, an and the make no difference.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from finetune_trainer.tasks.base import Scores

Array = np.ndarray[Any, Any]
USUAL_ANSWER_TOKENS = 30
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a window.

    Attributes:
        score: the sum of the logits of its first and its last token.
        first: the number of the first token.
        last: the number of the last token.
    """

    score: float
    first: int
    last: int


def find_best_span(starts: Array, ends: Array, longest: int = USUAL_ANSWER_TOKENS) -> Span:
    """Find the likeliest of all spans of at most `longest` tokens.

    Args:
        starts: the logits of each token as the first one.
        ends: the logits of each token as the last one.
        longest: tokens of an answer, at most.
    """
    padded = np.concatenate([ends, np.full(longest - 1, -np.inf)])
    # [first, tokens more]: the end logits that each first token may be paired with.
    following = np.lib.stride_tricks.sliding_window_view(padded, longest)
    scores = starts[:, None] + following
    first, more = np.unravel_index(int(scores.argmax()), scores.shape)
    return Span(float(scores[first, more]), int(first), int(first + more))


def score_answers(given: Sequence[str], wanted: Sequence[Sequence[str]]) -> Scores:
    """Score one answer for each row against the possible ones; the best of those counts.

    Args:
        given: the answers; empty where there is said to be none.
        wanted: the right answers of each row; none where the context does not hold it.
    """
    exact = [
        max(_match(a, w) for w in texts or [""]) for a, texts in zip(given, wanted, strict=True)
    ]
    overlap = [
        max(_overlap(a, w) for w in texts or [""]) for a, texts in zip(given, wanted, strict=True)
    ]
    return {"f1": _mean(overlap), "exactMatch": _mean(exact)}


def normalize_answer(text: str) -> str:
    """Leave out what makes no difference."""
    plain = text.lower().translate(_PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def measure_loss(logits: Array, target: int) -> float:
    """Give the cross-entropy of one position."""
    exact = logits.astype(np.float64)
    highest = exact.max()
    return float(highest + np.log(np.exp(exact - highest).sum()) - exact[target])


def _match(answer: str, wanted: str) -> float:
    return float(normalize_answer(answer) == normalize_answer(wanted))


def _overlap(answer: str, wanted: str) -> float:
    found, sought = normalize_answer(answer).split(), normalize_answer(wanted).split()
    if not found or not sought:
        return float(found == sought)
    shared = (Counter(found) & Counter(sought)).total()
    return 2 * shared / (len(found) + len(sought))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
