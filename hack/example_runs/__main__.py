"""`python -m example_runs [NAME …]`: prepares, runs and checks the examples, all or some.

Each runs through `kubectl finetune run`: the trainer as a process, with volumes as folders, which
is what a pod is on a node. Ends with 0 only when every one succeeded and beat its baseline.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from example_runs.checking import find_problem, find_scores
from example_runs.registry import EXAMPLES
from finetune_api.contract.outcomes import decode_outcome
from finetune_api.v1alpha1 import FineTuneJob, parse_job
from finetune_api.v1alpha1.tasks import TASK_TRAITS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "examples"
LIMIT_SECONDS = 600


def main() -> int:
    """Run the examples; give the exit status."""
    parser = argparse.ArgumentParser(prog="make examples", description=__doc__)
    parser.add_argument("names", nargs="*", help="some of the examples")
    chosen = parser.parse_args().names or list(EXAMPLES)
    failed = [name for name in chosen if not _show(name)]
    print(f"{len(chosen) - len(failed)} of {len(chosen)} examples beat their baselines", flush=True)
    return 1 if failed else 0


def _show(name: str) -> bool:
    began = time.monotonic()
    job = parse_job(yaml.safe_load((ROOT / "examples" / f"{name}.yaml").read_text()))
    problem, scores = _run(name, job)
    seconds = time.monotonic() - began
    what = f"{job.spec.task}, {job.spec.method.type}"
    print(f"{name:24} {what:36} {problem or scores:42} {seconds:5.0f} s", flush=True)
    return problem is None


def _run(name: str, job: FineTuneJob) -> tuple[str | None, str]:
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)
    data = folder / "data"
    data.mkdir(parents=True)
    EXAMPLES[name](data)
    claim = job.spec.dataset.train.source.split("/")[2]
    command = [
        str(Path(sys.executable).with_name("kubectl-finetune")),
        *("run", "-f", str(ROOT / "examples" / f"{name}.yaml")),
        *("--directory", str(folder / "run"), "--volume", f"{claim}={data}", "--output", "json"),
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=LIMIT_SECONDS
    )
    (folder / "log").write_text(done.stdout + done.stderr)
    outcome = decode_outcome(done.stdout)
    if outcome is None:
        return f"no outcome, exit code {done.returncode}: {done.stderr.strip()[-400:]}", ""
    before, after = find_scores(job.spec.task, outcome)
    metric = TASK_TRAITS[job.spec.task].main
    shown = f"{metric} {before:.3f} -> {after:.3f}" if before is not None and after else ""
    return find_problem(job.spec.task, outcome), shown


if __name__ == "__main__":
    sys.exit(main())
