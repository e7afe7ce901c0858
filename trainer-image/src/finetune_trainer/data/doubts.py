"""Rows whose label may be wrong: candidates to look at, never a verdict.

Two signs: the same text with different labels, and a row whose nearest neighbours nearly all carry
one other label. `reports` lists both with the names of the rows; nothing is changed or left out.
Neighbours are found by TF-IDF, which needs neither a model nor a GPU and knows every language that
puts spaces between words.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

MAX_ROWS_COMPARED = 3000
"""The work grows with the square: 3,000 texts take a third of a second."""
MAX_CHARACTERS_COMPARED = 400
ROWS_PER_PORTION = 500
NEIGHBOURS = 5
LEAST_SIMILARITY = 0.2
"""Below that two texts share a frequent word or two, which says nothing."""
LEAST_AGREEMENT = 0.8
FEWEST_ROWS = 50
_NOISE = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row to look at.

    Attributes:
        position: the row, in its part.
        label: what it is labelled.
        other: what rows like it are labelled.
        share: the part of the like rows that are labelled so.
    """

    position: int
    label: str
    other: str
    share: float


def normalize_text(text: str) -> str:
    """Give what is left of a text without case, punctuation and spacing; all, if nothing is."""
    return _NOISE.sub(" ", text.casefold()).strip() or text


def find_contradictions(
    identities: Sequence[Hashable], labels: Sequence[str]
) -> list[dict[str, list[int]]]:
    """Find equal rows with different labels.

    Returns:
        for each such group the positions of the rows, by label.
    """
    groups: dict[Hashable, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for position, (identity, label) in enumerate(zip(identities, labels, strict=True)):
        groups[identity][label].append(position)
    return [dict(group) for group in groups.values() if len(group) > 1]


def find_odd_neighbours(texts: Sequence[str], labels: Sequence[str]) -> list[Doubt]:
    """Find rows whose nearest neighbours carry another label, the clearest first.

    Args:
        texts: at most MAX_ROWS_COMPARED are looked at, spread evenly.
        labels: of the texts.
    """
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    chosen = _choose_rows(texts)
    if len(chosen) < FEWEST_ROWS:
        return []
    # A word of one text alone brings it near to none; one of half the texts, near to all.
    vectorizer = TfidfVectorizer(min_df=2, max_df=0.5, sublinear_tf=True, dtype=np.float32)
    try:
        vectors = vectorizer.fit_transform(texts[i][:MAX_CHARACTERS_COMPARED] for i in chosen)
    except ValueError:  # no word is left: each text has its own, or all share the same
        return []
    kinds = [labels[i] for i in chosen]
    found: list[Doubt] = []
    for start in range(0, len(chosen), ROWS_PER_PORTION):
        likeness = (vectors[start : start + ROWS_PER_PORTION] @ vectors.T).toarray()
        for offset, row in enumerate(likeness):
            row[start + offset] = 0
            nearest = np.argpartition(row, -NEIGHBOURS)[-NEIGHBOURS:]
            near = [kinds[n] for n in nearest if row[n] >= LEAST_SIMILARITY]
            doubt = _judge(chosen[start + offset], kinds[start + offset], near)
            if doubt is not None:
                found.append(doubt)
    return sorted(found, key=lambda doubt: (-doubt.share, doubt.position))


def _choose_rows(texts: Sequence[str]) -> list[int]:
    """Take one row of each text: copies would be each other's nearest neighbours."""
    step = max(1, -(-len(texts) // MAX_ROWS_COMPARED))
    first: dict[str, int] = {}
    for row in range(0, len(texts), step):
        first.setdefault(normalize_text(texts[row]), row)
    return list(first.values())


def _judge(position: int, label: str, near: Sequence[str]) -> Doubt | None:
    if len(near) < NEIGHBOURS:
        return None
    other, count = Counter(near).most_common(1)[0]
    share = count / len(near)
    if other == label or share < LEAST_AGREEMENT:
        return None
    return Doubt(position, label, other, share)
