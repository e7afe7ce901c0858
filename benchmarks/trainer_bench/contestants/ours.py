"""Our trainer through the contract, as a pod or a local run would start it: main() of its package.

The only thing added is a look at the steps that it reports.
"""

import os
import time
from typing import Any

from finetune_api.contract.environment import Variable
from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_api.contract.resolved_jobs import resolve_job
from finetune_api.v1alpha1 import parse_job
from finetune_trainer.__main__ import main
from finetune_trainer.reporting.board import Board
from trainer_bench.orders import Measurement, Order, Recipe, StepClock

FILES: dict[str, dict[str, str]] = {
    "TextClassification": {"source": "pvc://data/{}.csv"},
    "CausalLM": {"source": "pvc://data/{}.jsonl"},
    "ImageClassification": {"source": "pvc://data/{}", "format": "ImageFolder"},
}
PARTS = ("train", "validation", "test")


def build_job(recipe: Recipe, seed: int) -> dict[str, Any]:
    """The recipe as a FineTuneJob; what is faster is faster by default."""
    parts = PARTS[:2] if recipe.max_steps else PARTS
    files = FILES[recipe.task]
    length = {"maxSteps": recipe.max_steps} if recipe.max_steps else {"epochs": recipe.epochs}
    lora = {"type": "LoRA", "lora": {"rank": 8, "alpha": 16, "dropout": 0.1}}
    return {
        "apiVersion": "finetune.dev/v1alpha1",
        "kind": "FineTuneJob",
        "metadata": {"name": "bench"},
        "spec": {
            "task": recipe.task,
            "model": {"source": "pvc://data/model"},
            "method": lora if recipe.uses_lora else {"type": "Full"},
            "dataset": {
                part: {key: value.format(part) for key, value in files.items()} for part in parts
            },
            "training": {
                "learningRate": recipe.learning_rate,
                "seed": seed,
                "batchSize": recipe.batch_size,
                **length,
            },
            "earlyStopping": {"enabled": False},
            "resources": {"gpusPerNode": 0},
        },
    }


def run(order: Order) -> Measurement:
    """Run it and read the outcome.

    Raises:
        RuntimeError: the trainer did not succeed.
    """
    clock = StepClock(order.recipe.batch_size)
    _watch_steps(clock)
    code = main(prepare(order))
    outcome = decode_outcome((order.output / "termination-log").read_text())
    if code or outcome is None or outcome.report is None:
        raise RuntimeError(f"the trainer ended with {code}: {outcome and outcome.message}")
    return clock.measure(*_read_score(outcome))


def prepare(order: Order) -> dict[str, str]:
    """Lay out volumes and the resolved job; give the environment of the pod."""
    output = order.output
    volumes = output / "volumes"
    (volumes / "bench").mkdir(parents=True)  # the claim that a cluster would make for the job
    (volumes / "data").symlink_to(order.folder.resolve())
    job = resolve_job(parse_job(build_job(order.recipe, order.seed)))
    (output / "job.json").write_text(job.model_dump_json(by_alias=True))
    return {
        **os.environ,
        Variable.JOB_FILE: str(output / "job.json"),
        Variable.VOLUMES_DIRECTORY: str(volumes),
        Variable.SCRATCH_DIRECTORY: str(output / "scratch"),
        Variable.TERMINATION_LOG: str(output / "termination-log"),
        Variable.ATTEMPT: "1",
        Variable.REPORT_ADDRESS: "127.0.0.1",
        Variable.REPORT_PORT: "0",
        Variable.GRACE_SECONDS: "30",
    }


def _watch_steps(clock: StepClock) -> None:
    """Read the training time that each step reports: it counts the fetching of batches, too."""
    report, seen = Board.mark_step, [0.0]

    def mark_step(self: Board, **changes: Any) -> None:
        report(self, **changes)
        if "train_seconds" in changes:
            clock.count(time.monotonic(), changes["train_seconds"] - seen[0])
            seen[0] = changes["train_seconds"]

    Board.mark_step = mark_step  # type: ignore[method-assign]


def _read_score(outcome: Outcome) -> tuple[float | None, int]:
    report = outcome.report
    assert report is not None
    tested = {m.name: m.value for m in (report.metrics and report.metrics.test) or ()}
    rows = (report.resolved and report.resolved.rows) or {}
    return tested.get("accuracy", tested.get("loss")), rows.get("test", 0)
