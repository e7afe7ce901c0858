"""One run of our trainer, through the contract, as a pod or a local run would start it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from finetune_api.contract.environment import Variable
from finetune_api.contract.outcomes import decode_outcome
from finetune_api.contract.resolved_jobs import resolve_job
from finetune_api.v1alpha1 import parse_job


def build_job(seed: int, epochs: int, learning_rate: float) -> dict[str, Any]:
    """The guides' recipe as a FineTuneJob; what is faster is faster by default."""
    return {
        "apiVersion": "finetune.dev/v1alpha1",
        "kind": "FineTuneJob",
        "metadata": {"name": "bench"},
        "spec": {
            "task": "TextClassification",
            "model": {"source": "pvc://data/minilm"},
            "dataset": {
                "train": {"source": "pvc://data/train.csv"},
                "validation": {"source": "pvc://data/validation.csv"},
                "test": {"source": "pvc://data/test.csv"},
            },
            "training": {
                "epochs": epochs,
                "learningRate": learning_rate,
                "seed": seed,
                "batchSize": 16,
            },
            "earlyStopping": {"enabled": False},
            "resources": {"gpusPerNode": 0},
        },
    }


def train(
    folder: Path, output: Path, seed: int, epochs: int, learning_rate: float
) -> dict[str, float]:
    """Run it and read the outcome.

    Raises:
        RuntimeError: the trainer did not succeed; the message holds the end of its log.
    """
    volumes = output / "volumes"
    (volumes / "bench").mkdir(parents=True)  # the claim that a cluster would make for the job
    (volumes / "data").symlink_to(folder.resolve())
    job = resolve_job(parse_job(build_job(seed, epochs, learning_rate)))
    (output / "job.json").write_text(job.model_dump_json(by_alias=True))
    environment = {
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
    ended = subprocess.run(
        [sys.executable, "-m", "finetune_trainer"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    outcome = decode_outcome((output / "termination-log").read_text())
    if ended.returncode or outcome is None or outcome.report is None:
        raise RuntimeError(f"the trainer ended with {ended.returncode}: {ended.stderr[-2000:]}")
    report = outcome.report
    tested = {
        metric.name: metric.value for metric in (report.metrics and report.metrics.test) or ()
    }
    rows = (report.resolved and report.resolved.rows) or {}
    seconds = report.train_seconds or 0.0
    return {
        "samples_per_second": rows["train"] * epochs / seconds,
        "train_seconds": seconds,
        "accuracy": tested["accuracy"],
        "f1": tested["f1"],
        "test_rows": rows["test"],
    }


def run_recipe(
    folder: Path, output: Path, seed: int, epochs: int, learning_rate: float
) -> dict[str, float]:
    """Run the guides' recipe as a process of its own.

    Raises:
        RuntimeError: it failed; the message holds the end of its log.
    """
    arguments = {
        "--folder": folder, "--output": output, "--seed": seed,
        "--epochs": epochs, "--learning-rate": learning_rate,
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-m", "trainer_bench.guides_recipe"]
        + [str(part) for pair in arguments.items() for part in pair],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if ended.returncode:
        raise RuntimeError(f"the recipe ended with {ended.returncode}: {ended.stderr[-2000:]}")
    result: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return result
