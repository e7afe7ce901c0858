"""What was measured, one row per run, and the questions that are asked of the rows. Pure."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Field = Literal["samples_per_second", "start_seconds", "wall_seconds", "peak_bytes"]


@dataclass(frozen=True, slots=True)
class Row:
    """One run.

    Attributes:
        workload: what was trained.
        contestant: by whom.
        seed: of the run.
        samples_per_second: over the steps after the first.
        start_seconds: from the start of the process to the beginning of the first step.
        wall_seconds: from its start to its end.
        cpu_seconds: of all threads.
        peak_bytes: resident memory.
        steps: in all.
        score: accuracy, or the mean loss; None where nothing was tested.
        tested_rows: what the score is a mean of.
    """

    workload: str
    contestant: str
    seed: int
    samples_per_second: float | None
    start_seconds: float
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    steps: int
    score: float | None
    tested_rows: int

    def to_json_dict(self) -> dict[str, Any]:
        """Give what goes into the file."""
        return asdict(self)


def find_values(rows: Iterable[Row], workload: str, contestant: str, field: Field) -> list[float]:
    """List a field of all runs of a contestant."""
    return [
        getattr(row, field)
        for row in rows
        if (row.workload, row.contestant) == (workload, contestant)
        and getattr(row, field) is not None
    ]


def compare(
    rows: Sequence[Row], workload: str, sides: tuple[str, str], field: Field
) -> float | None:
    """Give the median of the ratios within each seed; None where a side was not run.

    Both sides of a ratio ran one after the other, on the same machine in the same mood.
    """
    ratios = []
    for seed in sorted({row.seed for row in rows}):
        of_seed = [row for row in rows if row.seed == seed]
        left, right = (find_values(of_seed, workload, side, field) for side in sides)
        if left and right:
            ratios.append(left[0] / right[0])
    return statistics.median(ratios) if ratios else None


def average_score(rows: Iterable[Row], workload: str, contestant: str) -> float | None:
    """Give the mean score over the seeds."""
    scores = [
        row.score
        for row in rows
        if (row.workload, row.contestant) == (workload, contestant) and row.score is not None
    ]
    return statistics.mean(scores) if scores else None
