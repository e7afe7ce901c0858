"""The figures as tables for people. Pure; the same figures are in the JSON."""

import statistics
from collections.abc import Iterator, Mapping, Sequence

from trainer_bench.bars import Verdict
from trainer_bench.contestants import CONTESTANTS
from trainer_bench.results import Row, average_score, find_values
from trainer_bench.workloads import WORKLOADS

MIB = 2**20


def describe_run(row: Row) -> str:
    """Give one line of progress."""
    speed = "" if row.samples_per_second is None else f"{row.samples_per_second:8.1f} samples/s"
    score = "" if row.score is None else f"  score {row.score:.4f}"
    return (
        f"{row.workload:7} {row.contestant:13} seed {row.seed} {speed:19}"
        f" first step {row.start_seconds:6.1f} s, end {row.wall_seconds:6.1f} s,"
        f" peak {row.peak_bytes / MIB:6.0f} MiB{score}"
    )


def tabulate_workload(rows: Sequence[Row], workload: str) -> Iterator[str]:
    """Give a table: the contestants of a workload, medians over the seeds."""
    yield f"\n{WORKLOADS[workload].title}"
    yield f"{'':34}{'samples/s':>10}{'first step':>12}{'whole run':>11}{'peak MiB':>10}{'score':>8}"
    for contestant in WORKLOADS[workload].contestants:
        walls = find_values(rows, workload, contestant, "wall_seconds")
        if not walls:
            continue
        speeds = find_values(rows, workload, contestant, "samples_per_second")
        starts = find_values(rows, workload, contestant, "start_seconds")
        peaks = find_values(rows, workload, contestant, "peak_bytes")
        score = average_score(rows, workload, contestant)
        yield (
            f"  {CONTESTANTS[contestant].title:32}"
            f"{f'{statistics.median(speeds):.1f}' if speeds else '-':>10}"
            f"{statistics.median(starts):>11.1f}s{statistics.median(walls):>10.1f}s"
            f"{max(peaks) / MIB:>10.0f}{f'{score:.4f}' if score is not None else '-':>8}"
        )


def tabulate_shares(title: str, shares: Mapping[str, float]) -> Iterator[str]:
    """Give where the time goes."""
    yield f"\n{title}"
    for kind, share in shares.items():
        yield f"  {kind:36}{share:>7.1%}"


def tabulate_verdicts(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Give the bars."""
    yield "\nBars (ratios are ours divided by the other; medians over the seeds)"
    for verdict in verdicts:
        value = "not measured" if verdict.value is None else f"{verdict.value:.3f}"
        met = "met" if verdict.met else "MISSED"
        yield f"  {verdict.name:44}{value:>14}   {verdict.wanted:34}{met}"
