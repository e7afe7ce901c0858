"""`make bench-trainer`: every contestant on every workload, in turn, and the bars; JSON as it goes.

Ratios count, not seconds: both sides of one ran on the same machine, one after the other. Exits
with 1 when a bar is missed or was not measured.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from demo.prepare_reviews import prepare_reviews
from example_runs.materials import BUILD
from trainer_bench import bars, materials, reports
from trainer_bench.orders import Measurement, Order, Recipe
from trainer_bench.processes import ChildError, run_module
from trainer_bench.results import Row
from trainer_bench.schedules import Run, plan_runs
from trainer_bench.workloads import WORKLOADS

RESULTS = BUILD / "benchmarks" / "trainer.json"
PROFILED = {"short": 23, "long": 6}
"""Workloads of which a profile is taken, and the steps of it."""
LAST_RUN_SECONDS = 200
"""What a run may take beyond the time in which runs begin."""


class Notebook:
    """Keeps everything that was found, and writes it down after each finding."""

    def __init__(self, path: Path) -> None:
        self.rows: list[Row] = []
        self._path = path
        self._content: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)

    def note(self, **findings: Any) -> None:
        """Add findings, and write the file as a whole."""
        self._content |= findings
        rows = [row.to_json_dict() for row in self.rows]
        self._path.write_text(json.dumps({**self._content, "runs": rows}, indent=2) + "\n")


def say(lines: str | Iterable[str]) -> None:
    """Print at once, also into a pipe."""
    for line in [lines] if isinstance(lines, str) else lines:
        print(line, flush=True)


def measure(run: Run, limit_seconds: float) -> Row:
    """Run one contestant in a process of its own."""
    output = Path(tempfile.mkdtemp(prefix=f"bench-{run.contestant}-"))
    try:
        order = Order(_find_data(run.workload), output, run.seed, run.recipe)
        printed, cost = run_module(
            "trainer_bench.child",
            run.contestant,
            given=order.to_json(),
            limit_seconds=limit_seconds,
        )
    finally:
        shutil.rmtree(output)
    found = Measurement.from_json(printed)
    return Row(
        workload=run.workload,
        contestant=run.contestant,
        seed=run.seed,
        samples_per_second=found.samples_per_second,
        start_seconds=found.first_step_at - cost.began_at,
        wall_seconds=cost.wall_seconds,
        cpu_seconds=cost.cpu_seconds,
        peak_bytes=cost.peak_bytes,
        steps=found.steps,
        score=found.score,
        tested_rows=found.tested_rows,
    )


def profile(workload: str, steps: int) -> dict[str, Any]:
    """See where a step of ours goes."""
    recipe = WORKLOADS[workload].recipe
    recipe = Recipe(recipe.task, 1, recipe.batch_size, recipe.learning_rate, max_steps=steps)
    with tempfile.TemporaryDirectory(prefix="bench-profile-") as output:
        order = Order(_find_data(workload), Path(output), 42, recipe)
        found, _ = run_module("trainer_bench.profiles", given=order.to_json())
    return found


def _find_data(workload: str) -> Path:
    return materials.prepare(WORKLOADS[workload].prepare, workload)


def run_all(runs: Iterable[Run], notebook: Notebook, deadline: float) -> None:
    """Run one after the other; what the time does not reach is named, and what fails, too."""
    left_out: list[str] = []
    for run in runs:
        name = f"{run.workload}/{run.contestant}/{run.seed}"
        left = deadline - time.monotonic()
        if left < 0:
            left_out.append(f"{name}: the time was over")
            continue
        try:
            notebook.rows.append(measure(run, left + LAST_RUN_SECONDS))
            say(reports.describe_run(notebook.rows[-1]))
        except ChildError as error:
            left_out.append(f"{name}: {error}")
            say(f"{name} FAILED: {error}")
        notebook.note(left_out=left_out)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trainer_bench", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--quick", action="store_true", help="three steps of everything, one seed")
    parser.add_argument("--minutes", type=float, default=28, help="begin no run after so many")
    return parser.parse_args()


def main() -> int:
    """Measure, print, write the JSON."""
    known = read_arguments()
    deadline = time.monotonic() + 60 * known.minutes
    prepare_reviews(BUILD / "reviews-data")
    notebook = Notebook(RESULTS)
    peaks, _ = run_module("trainer_bench.gemm_peaks")
    notebook.note(machine=peaks, quick=known.quick)
    say(f"{peaks['threads']} threads; products of matrices, GFLOP/s: {peaks['gflops']}")
    profiles = {}
    for name, steps in PROFILED.items():
        if name in known.workloads:
            profiles[name] = profile(name, steps)
            title = f"Where a step of ours goes: {name}"
            say(reports.tabulate_shares(title, profiles[name]["shares"]))
            notebook.note(profiles=profiles)
    workloads = {name: WORKLOADS[name] for name in known.workloads}
    seeds = known.seeds[:1] if known.quick else known.seeds
    run_all(plan_runs(workloads, seeds, quick=known.quick), notebook, deadline)
    for name in workloads:
        say(reports.tabulate_workload(notebook.rows, name))
    verdicts = bars.judge(notebook.rows)
    notebook.note(bars=[verdict.to_json_dict() for verdict in verdicts])
    say(reports.tabulate_verdicts(verdicts))
    say(f"\nwritten to {RESULTS}")
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
