"""In which order rows are seen: shuffled by seed and epoch, rows of similar length together. Pure.

Batches of similar length need little padding, which is worth half of the speed on short texts. The
order follows from seed and epoch alone and not from the state of a random generator: an attempt
that goes on in the middle of an epoch sees exactly the rows that the interrupted one had not seen.
"""

import random
from collections.abc import Sequence

MAX_BATCHES_PER_POOL = 50
POOLS = 2
"""At least so many pools, so that even a small data set is not sorted by length as a whole."""


def order_for_training(lengths: Sequence[int], batch_size: int, seed: int, epoch: int) -> list[int]:
    """Shuffle the rows, sort them by length within pools, and shuffle the batches.

    The longest row comes in the first batch: if the memory is too small, that shows at once.
    """
    # A string seeds by SHA-512: the same on every machine and version.
    generator = random.Random(f"{seed}/{epoch}")
    rows = list(range(len(lengths)))
    generator.shuffle(rows)
    batches_per_pool = min(max(1, len(rows) // (batch_size * POOLS)), MAX_BATCHES_PER_POOL)
    pool_size = batches_per_pool * batch_size
    batches: list[list[int]] = []
    for start in range(0, len(rows), pool_size):
        pool = sorted(rows[start : start + pool_size], key=lambda row: -lengths[row])
        batches += [pool[i : i + batch_size] for i in range(0, len(pool), batch_size)]
    full = [batch for batch in batches if len(batch) == batch_size]
    generator.shuffle(full)
    longest = max(range(len(full)), key=lambda i: lengths[full[i][0]], default=None)
    if longest is not None:
        full.insert(0, full.pop(longest))
    # A short batch stays last: anywhere else it would shift the borders of those behind it.
    rest = [row for batch in batches if len(batch) < batch_size for row in batch]
    return [row for batch in full for row in batch] + rest


def measure_padding(lengths: Sequence[int], order: Sequence[int], batch_size: int) -> float:
    """Give the share of padding in the batches of an order."""
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    padded = sum(len(batch) * max(lengths[row] for row in batch) for batch in batches)
    return 1 - sum(lengths) / padded if padded else 0.0


def order_for_evaluation(lengths: Sequence[int]) -> list[int]:
    """Sort by length, the longest first: the least padding, and no randomness."""
    return sorted(range(len(lengths)), key=lambda row: -lengths[row])
