"""Cuts the training rows into folds: each row validates once, and learns in all other folds.

Pure; `run` asks for the folds, `training.cross_validation` takes one after the other. The fold of a
row follows from its hash, as in `splits`: it depends neither on the order of the rows nor on other
files, and when data is added nearly all rows stay in their fold.
"""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

from finetune_api.v1alpha1.dataset import Dataset
from finetune_trainer.data.loading import Data
from finetune_trainer.data.needs import Needs
from finetune_trainer.data.splits import Keys
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import DataError

Folds = tuple[tuple[int, ...], ...]
"""For each fold the positions, in the training part, of the rows that it validates on."""


def find_folds(dataset: Dataset, needs: Needs, data: Data) -> Folds:
    """Give the folds that a job asks for; none where it asks for none.

    Raises:
        DataError: there are too few rows that differ from each other.
    """
    count = dataset.validation.folds
    if count is None:
        return ()
    train = data.parts["train"]
    strata = train.column(needs.strata_role) if needs.strata_role else [0] * len(train)
    folds = assign_folds(Keys(data.keys["train"], strata), count)
    if not all(folds):
        distinct = len(set(data.keys["train"]))
        raise DataError(
            f"dataset.validation.folds is {count}, but only {distinct} of the {len(train)}"
            " training rows differ from each other: a fold would be empty",
            hint=f"set dataset.validation.folds to {max(2, distinct // 2)} or less, or add rows",
        )
    return folds


def assign_folds(keys: Keys, count: int) -> Folds:
    """Cut rows into folds with the label shares of all rows; equal rows share a fold.

    Where so many labels are so rare that a fold would stay empty, the shares are given up.
    """
    groups = _group_equal_rows(keys)
    folds = _deal(groups, [keys.strata[rows[0]] for rows in groups], count)
    return folds if all(folds) else _deal(groups, [0] * len(groups), count)


def take_fold(data: Data, folds: Folds, number: int) -> Data:
    """Give the data of one fold: its own rows validate, those of the others are learned from.

    Args:
        data: all of it; the test part is left out, since only the last model is judged by it.
        folds: as `find_folds` gave them.
        number: from 1.
    """
    train, held = data.parts["train"], set(folds[number - 1])
    chosen = {
        "train": [position for position in range(len(train)) if position not in held],
        "validation": sorted(held),
    }
    parts = {
        name: Part(name, train.table, [train.indices[position] for position in positions])
        for name, positions in chosen.items()
    }
    keys = {
        name: [data.keys["train"][position] for position in positions]
        for name, positions in chosen.items()
    }
    return replace(data, parts=parts, keys=keys, warnings=[])


def find_fold_warnings(needs: Needs, data: Data, folds: Folds) -> list[str]:
    """Say which labels are so rare that some folds cannot measure them."""
    if not folds or needs.strata_role is None:
        return []
    counts: dict[str, int] = defaultdict(int)
    for label in data.parts["train"].column(needs.strata_role):
        counts[str(label)] += 1
    rare = sorted(label for label, rows in counts.items() if rows < len(folds))
    if not rare:
        return []
    shown = ", ".join(rare[:5]) + (", …" if len(rare) > 5 else "")
    return [
        f"{len(rare)} labels have fewer rows than the {len(folds)} folds, so that some folds cannot"
        f" measure them: {shown}"
    ]


def _group_equal_rows(keys: Keys) -> list[list[int]]:
    """Put rows of one hash together, in the order of the hashes."""
    groups: dict[int, list[int]] = defaultdict(list)
    for position, hashed in enumerate(keys.hashes):
        groups[hashed].append(position)
    return [groups[hashed] for hashed in sorted(groups)]


def _deal(groups: Sequence[list[int]], strata: Sequence[Hashable], count: int) -> Folds:
    """Cut each stratum into as many runs of neighbouring hashes as there are folds."""
    by_stratum: dict[Hashable, list[list[int]]] = defaultdict(list)
    for group, stratum in zip(groups, strata, strict=True):
        by_stratum[stratum].append(group)
    folds: list[list[int]] = [[] for _ in range(count)]
    for stratum, members in by_stratum.items():
        total, before = sum(map(len, members)), 0
        # Turned by the label: the runs that get a row more are not the same ones for every label.
        turn = _hash_stratum(stratum)
        for group in members:
            middle = before + len(group) / 2
            folds[(int(middle * count / total) + turn) % count].extend(group)
            before += len(group)
    return tuple(tuple(sorted(fold)) for fold in folds)


def _hash_stratum(stratum: Hashable) -> int:
    digest = hashlib.blake2b(repr(stratum).encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big")
