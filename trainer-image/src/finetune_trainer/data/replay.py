"""dataset.replay: how many general rows an epoch has, and which. Pure.

`training.plans` counts steps by it, `training.replaying` mixes the rows in. The choice follows from
seed and epoch alone, so that an attempt that goes on sees the rows of the interrupted one.
"""

import random


def count_replayed(rows: int, ratio: float) -> int:
    """Say how many rows make `ratio` of all together with `rows` others; at least one."""
    return max(1, round(rows * ratio / (1 - ratio)))


def choose_replayed(available: int, wanted: int, seed: int, epoch: int) -> list[int]:
    """Choose rows of an epoch; where there are too few, each comes as often as the others."""
    generator = random.Random(f"replay/{seed}/{epoch}")
    whole, rest = divmod(wanted, available)
    return list(range(available)) * whole + sorted(generator.sample(range(available), rest))


def choose_pool(available: int, wanted: int, seed: int) -> list[int]:
    """Choose the rows that a job can see at all, ascending: others need not be encoded."""
    if wanted >= available:
        return list(range(available))
    return sorted(random.Random(f"replay-pool/{seed}").sample(range(available), wanted))
