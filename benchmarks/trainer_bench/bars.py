"""What is asked of the trainer: a bar is a row, a number and whom it is measured against. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trainer_bench.results import Field, Row, average_score, compare

OURS = "ours"


@dataclass(frozen=True, slots=True)
class Bar:
    """A ratio of ours to another that must not fall below, or not exceed, a limit.

    Attributes:
        name: a sentence.
        workload: what is trained.
        other: whom ours is divided by.
        field: what is compared.
        limit: of the ratio.
        is_ceiling: whether less is better.
    """

    name: str
    workload: str
    other: str
    field: Field
    limit: float
    is_ceiling: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How ours did; `value` is None where it was not measured, which meets no bar."""

    name: str
    value: float | None
    wanted: str
    met: bool

    def to_json_dict(self) -> dict[str, Any]:
        """Give what goes into the file."""
        return {"name": self.name, "value": self.value, "wanted": self.wanted, "met": self.met}


BARS: tuple[Bar, ...] = (
    Bar("short texts against padding=max_length", "short", "max_length", "samples_per_second", 60),
    Bar("short texts against padding=True", "short", "padding_true", "samples_per_second", 4),
    Bar("short texts against the bare loop", "short", "bare_loop", "samples_per_second", 0.85),
    Bar("512 tokens against padding=True", "long", "padding_true", "samples_per_second", 5),
    Bar("first step against bare imports and load", "start", "imports", "start_seconds", 1.3, True),
)
ACCURACY_AGAINST = ("padding_true", "bare_loop")
"""Speed counts at equal accuracy only."""


def judge(rows: Sequence[Row]) -> list[Verdict]:
    """Hold the rows against every bar."""
    return [
        *(_judge_bar(rows, bar) for bar in BARS),
        *(_judge_accuracy(rows, "short", other) for other in ACCURACY_AGAINST),
    ]


def _judge_bar(rows: Sequence[Row], bar: Bar) -> Verdict:
    value = compare(rows, bar.workload, (OURS, bar.other), bar.field)
    wanted = f"{'at most' if bar.is_ceiling else 'at least'} {bar.limit:g}"
    met = value is not None and (value <= bar.limit if bar.is_ceiling else value >= bar.limit)
    return Verdict(bar.name, value, wanted, met)


def _judge_accuracy(rows: Sequence[Row], workload: str, other: str) -> Verdict:
    """Ask for an accuracy that is not lower by more than the error of its measurement."""
    ours, theirs = (average_score(rows, workload, side) for side in (OURS, other))
    name = f"accuracy on {workload} texts against {other}"
    if ours is None or theirs is None:
        return Verdict(name, None, "equal", met=False)
    tested = min(row.tested_rows for row in rows if row.workload == workload and row.tested_rows)
    error = math.sqrt(theirs * (1 - theirs) / tested)
    wanted = f"at least {-error:.4f}, one standard error"
    return Verdict(name, ours - theirs, wanted, ours - theirs >= -error)
