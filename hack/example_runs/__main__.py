"""`python -m example_runs [NAME …]`: prepares, runs and checks the examples, all or some.

Each runs through `kubectl finetune run`: the trainer as a process, with volumes as folders, which
is what a pod is on a node. Ends with 0 only when every one succeeded and beat its baseline.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from example_runs.checking import find_problem, find_scores
from example_runs.registry import EXAMPLES
from finetune_api.contract.outcomes import decode_outcome
from finetune_api.v1alpha1 import FineTuneJob
from finetune_api.v1alpha1.tasks import TASK_TRAITS
from kubectl_finetune.manifests import read_manifests

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
    (job,) = read_manifests(str(ROOT / "examples" / f"{name}.yaml")).jobs
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
    code, output, errors = _run_within_the_limit(command, folder)
    (folder / "log").write_text(output + errors)
    outcome = decode_outcome(output)
    if outcome is None:
        return f"no outcome, exit code {code}: {errors.strip()[-400:]}", ""
    before, after = find_scores(job.spec.task, outcome)
    metric = TASK_TRAITS[job.spec.task].main
    unknown = before is None or after is None
    shown = "" if unknown else f"{metric} {before:.3f} -> {after:.3f}"
    return find_problem(job.spec.task, outcome), shown


def _run_within_the_limit(command: list[str], folder: Path) -> tuple[int, str, str]:
    """Run a command; one that takes too long is asked to stop, so that its trainer stops too."""
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            output, errors = process.communicate(timeout=LIMIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate()
            errors += f"\nstopped after {LIMIT_SECONDS} s"
        return process.returncode, output, errors


if __name__ == "__main__":
    sys.exit(main())
