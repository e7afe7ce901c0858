"""Chooses rows: the subset of `dataset.limit`, and what is held out of the training data.

Pure. A row is chosen by a hash of what identifies it, so the choice depends neither on the order of
the rows nor on the order of the files, equal rows stay on one side, and when data is added nearly
all old rows stay where they were. Within each label the rows with the lowest hashes go first: that
is what stratifies.
"""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Keys:
    """What choosing needs to know of each row.

    Attributes:
        hashes: a stable hash of what identifies the row.
        strata: the label of the row; the same value for all where nothing is stratified.
    """

    hashes: Sequence[int]
    strata: Sequence[Hashable]


def choose_subset(keys: Keys, limit: int) -> list[int]:
    """Choose `limit` rows with the label shares of all rows; ascending indices."""
    total = len(keys.hashes)
    if limit >= total:
        return list(range(total))
    groups = _rank_by_stratum(keys, range(total))
    sizes = {stratum: len(rows) for stratum, rows in groups.items()}
    # Between equal remainders the row hashes decide: a thousand rare sets of labels draw lots.
    lots = {stratum: keys.hashes[rows[0]] for stratum, rows in groups.items()}
    shares = _share_out(limit, sizes, lots)
    return sorted(i for stratum, rows in groups.items() for i in rows[: shares[stratum]])


def hold_out(keys: Keys, rows: Sequence[int], fractions: Sequence[float]) -> list[list[int]]:
    """Take parts out of `rows`, each of its fraction of every label.

    Every label keeps at least one row to learn from, and where it has two or more, at least one is
    held out by each fraction while rows last.

    Returns:
        one ascending list for each fraction, then what is left.
    """
    held: list[list[int]] = [[] for _ in fractions]
    rest: list[int] = []
    for ranked in _rank_by_stratum(keys, rows).values():
        start = 0
        for part, fraction in zip(held, fractions, strict=True):
            end = min(start + max(1, round(len(ranked) * fraction)), len(ranked) - 1)
            end = _keep_equal_rows_together(keys, ranked, start, end)
            part.extend(ranked[start:end])
            start = end
        rest.extend(ranked[start:])
    return [sorted(part) for part in [*held, rest]]


def _keep_equal_rows_together(keys: Keys, ranked: list[int], start: int, end: int) -> int:
    """Move the cut back to where the hash changes; a group that fills the part moves it forward."""
    if end <= start or keys.hashes[ranked[end - 1]] != keys.hashes[ranked[end]]:
        return max(start, end)
    shared = keys.hashes[ranked[end]]
    lower = next(i for i in range(start, end) if keys.hashes[ranked[i]] == shared)
    if lower > start:
        return lower
    upper = next((i for i in range(end, len(ranked)) if keys.hashes[ranked[i]] != shared), start)
    return upper


def _rank_by_stratum(keys: Keys, rows: Sequence[int]) -> dict[Hashable, list[int]]:
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for index in rows:
        groups[keys.strata[index]].append(index)
    return {s: sorted(found, key=lambda i: (keys.hashes[i], i)) for s, found in groups.items()}


def _share_out(
    limit: int, sizes: dict[Hashable, int], lots: dict[Hashable, int]
) -> dict[Hashable, int]:
    """Share a number out by size: whole parts first, the rest to the largest remainders."""
    total = sum(sizes.values())
    exact = {stratum: limit * size / total for stratum, size in sizes.items()}
    shares = {stratum: int(value) for stratum, value in exact.items()}
    remainders = sorted(exact, key=lambda s: (shares[s] - exact[s], lots[s]))
    for stratum in remainders[: limit - sum(shares.values())]:
        shares[stratum] += 1
    return shares
