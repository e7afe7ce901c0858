"""Puts several rows into one sequence, so that nothing is padded: training.packing. Pure.

The causal tasks use it for the training part. Every row keeps its own positions, which begin at
zero, and no attention mask is given: from the jumps of the positions transformers sees where a row
ends, and lets no token look across. `models.packing` makes sure that a model obeys.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import Any

from finetune_trainer.tasks.base import Encoded, Features

POSITIONS = "position_ids"
"""The feature that tells a packed sequence from a single row."""


def plan_packs(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Share rows out to sequences: the longest first, each to where it leaves the least room.

    Returns:
        the rows of each sequence, by their positions in `lengths`.
    """
    packs: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # what is left in each sequence, and its number; sorted
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        found = bisect_left(rooms, (lengths[row], -1))
        if found == len(rooms):
            number, room = len(packs), capacity
            packs.append([])
        else:
            room, number = rooms.pop(found)
        packs[number].append(row)
        insort(rooms, (room - lengths[row], number))
    return packs


def pack_rows(encoded: Encoded, capacity: int) -> Encoded:
    """Put rows together into sequences of at most `capacity` tokens.

    Returns:
        input_ids, labels and position_ids; each sequence counts as its first row.
    """
    packs = plan_packs(encoded.lengths, capacity)
    rows = range(len(encoded)) if encoded.rows is None else encoded.rows
    return Encoded(
        features=[_join([encoded.features[row] for row in pack]) for pack in packs],
        lengths=[sum(encoded.lengths[row] for row in pack) for pack in packs],
        truncated=encoded.truncated,
        unknown=encoded.unknown,
        rows=[rows[pack[0]] for pack in packs],
        warnings=encoded.warnings,
    )


def _join(rows: list[Features]) -> dict[str, Any]:
    import numpy as np

    lengths = [len(row["input_ids"]) for row in rows]
    joined: dict[str, Any] = {
        name: np.concatenate([row[name] for row in rows]) for name in ("input_ids", "labels")
    }
    joined[POSITIONS] = np.concatenate([np.arange(n, dtype=np.int32) for n in lengths])
    return joined
