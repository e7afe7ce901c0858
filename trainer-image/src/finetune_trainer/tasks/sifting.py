"""Leaves out rows that turn out to hold nothing to learn once they are tokens.

The language-model tasks use it. Most of what is wrong with a row shows in its text, long before
torch is imported; but whether an answer still fits into training.maxLength, only the tokens tell.
dataset.onBadRow decides here as it does there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from finetune_trainer.data.checks import describe_rows
from finetune_trainer.data.cleaning import MAX_DROPPED_SHARE
from finetune_trainer.data.tables import Part
from finetune_trainer.errors import DataError


@dataclass(frozen=True, slots=True)
class Sifted:
    """What is left of a part.

    Attributes:
        kept: the positions in the part that can be learned from.
        warnings: what was left out, in a sentence.
    """

    kept: list[int]
    warnings: tuple[str, ...] = ()


def sift_rows(
    part: Part, reasons: Mapping[int, str], policy: Literal["Fail", "Drop"], hint: str
) -> Sifted:
    """Leave rows out, or refuse them.

    Args:
        part: the rows.
        reasons: what is wrong with some of them, by position; "no token to learn".
        policy: dataset.onBadRow.
        hint: what to do about it.

    Raises:
        DataError: a row is bad and the policy is Fail, or too many are.
    """
    if not reasons:
        return Sifted(list(range(len(part))))
    bad = sorted(reasons)
    rows = describe_rows(part.table, [part.indices[position] for position in bad])
    what = f"{rows} has {reasons[bad[0]]}"
    if policy == "Fail":
        raise DataError(f"the {part.name} part: {what}", hint=hint)
    if len(bad) > MAX_DROPPED_SHARE * len(part):
        raise DataError(
            f"the {part.name} part: {what}; these are {len(bad)} of {len(part)} rows, and"
            " dataset.onBadRow Drop leaves out at most 1 %",
            hint=hint,
        )
    kept = [position for position in range(len(part)) if position not in reasons]
    return Sifted(kept, (f"{len(bad)} rows of the {part.name} part were left out: {what}",))
