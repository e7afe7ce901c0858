"""`kubectl finetune run` with the trainer itself, on a model that is tiny and was never trained."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli_builders import write_job_file
from trainer_jobs import make_reviews, write_csv
from trainer_models import make_tiny_bert

TIMEOUT_SECONDS = 180


@pytest.fixture
def claim(tmp_path: Path) -> Path:
    """Make the folder that stands for the claim `team-data`."""
    folder = tmp_path / "team-data"
    make_tiny_bert(folder / "bert")
    write_csv(folder / "train.csv", make_reviews(240))
    write_csv(folder / "test.csv", make_reviews(60, offset=240))
    return folder


def write_job(folder: Path, epochs: int) -> Path:
    changes: dict[str, Any] = {
        "spec.model": {"source": "pvc://team-data/bert"},
        "spec.dataset": {
            "train": {"source": "pvc://team-data/train.csv"},
            "test": {"source": "pvc://team-data/test.csv"},
        },
        "spec.training": {"epochs": epochs, "batchSize": 4, "learningRate": 1e-3, "maxLength": 32},
        "spec.earlyStopping": {"enabled": False},
        "spec.checkpoints": {"every": "Steps", "everySteps": 10},
    }
    return write_job_file(folder / "reviews.yaml", changes)


@contextmanager
def start_run(job_file: Path, claim: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "kubectl_finetune", "run", "-f", str(job_file)]
    with subprocess.Popen(
        [*command, "--volume", f"team-data={claim}", *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_a_job_file_becomes_a_model(tmp_path: Path, claim: Path) -> None:
    with start_run(write_job(tmp_path, epochs=2), claim, "-o", "json") as process:
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 0, err
    outcome = json.loads(out)
    assert outcome["succeeded"] is True
    assert {metric["name"] for metric in outcome["report"]["metrics"]["test"]} >= {"accuracy", "f1"}
    model = tmp_path / "reviews" / "volumes" / "reviews" / "model"
    assert (model / "model.safetensors").exists()


def test_ctrl_c_saves_and_the_same_command_goes_on(tmp_path: Path, claim: Path) -> None:
    job_file = write_job(tmp_path, epochs=1000)
    with start_run(job_file, claim) as process:
        wait_for_line(process, "  training")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130, err
    kept = re.search(r"the checkpoint of step (\d+) is kept", out)
    assert kept is not None, out

    with start_run(job_file, claim) as process:
        wait_for_line(process, f"  going on from the checkpoint of step {kept[1]}")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_SECONDS)

    assert process.returncode == 130


def wait_for_line(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(wanted):
            return
    pytest.fail(f"the run ended without {wanted!r}: {lines}")
