"""Rows whose label may be wrong: candidates to look at, never a verdict.

Two signs: the same text with different labels, and a row whose nearest neighbours nearly all carry
one other label. `reports` lists both with the names of the rows; nothing is changed or left out.
Neighbours are found by TF-IDF, which needs neither a model nor a GPU and knows every language that
puts spaces between words.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

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
_WORD = re.compile(r"\b\w\w+\b")


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

    chosen = _choose_rows(texts)
    if len(chosen) < FEWEST_ROWS:
        return []
    vectors = weigh_words([texts[i][:MAX_CHARACTERS_COMPARED] for i in chosen])
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


def weigh_words(texts: Sequence[str]) -> Any:
    """Give the TF-IDF of texts, each a row of length 1: a sparse matrix [texts, words].

    The definition is that of scikit-learn, with logarithms of counts.
    """
    import numpy as np
    from scipy.sparse import csr_matrix, diags

    counts = [Counter(_WORD.findall(text.lower())) for text in texts]
    spread = Counter(word for words in counts for word in words)
    # A word of one text alone brings it near to none; one of half the texts, near to all.
    known = [word for word, rows in spread.items() if 2 <= rows <= len(texts) / 2]
    if not known:  # each text has its own words, or all share the same
        return csr_matrix((len(texts), 1), dtype=np.float32)
    columns = {word: column for column, word in enumerate(known)}
    cells = [
        (row, columns[word], 1 + math.log(times))
        for row, words in enumerate(counts)
        for word, times in words.items()
        if word in columns
    ]
    rows, places, weights = np.array(cells, dtype=np.float64).reshape(-1, 3).T
    rarity = [math.log((1 + len(texts)) / (1 + spread[word])) + 1 for word in known]
    shape = (len(texts), len(known))
    matrix = csr_matrix((weights, (rows.astype(int), places.astype(int))), shape) @ diags(rarity)
    lengths = np.sqrt(matrix.multiply(matrix).sum(axis=1)).A1
    return (diags(1 / np.maximum(lengths, 1e-12)) @ matrix).tocsr().astype(np.float32)


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
