"""Builds resolved jobs and their data for tests of the trainer.

`a_trainer_job(folder)` stands for a whole pod: volumes, scratch, termination log, job file. Start
from it, change what the test is about, and run it.
"""

import csv
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from finetune_api.contract.environment import Variable
from finetune_api.contract.outcomes import Outcome, decode_outcome
from finetune_api.contract.resolved_jobs import ResolvedJob, resolve_job
from finetune_api.v1alpha1 import parse_job

Row = dict[str, Any]
GOOD = ("good", "great", "lovely", "superb", "fine", "brilliant", "warm", "funny", "clever")
BAD = ("bad", "awful", "dull", "terrible", "poor", "boring", "cold", "silly", "weak")
FILLERS = ("the movie is", "this film was", "a story that is", "one scene is really", "it is")
UID = "6f1c1a52-0000-4000-8000-000000000001"


def make_reviews(count: int, seed: int = 0, offset: int = 0) -> list[Row]:
    """Make rows that a tiny model can learn: the label follows from the adjectives."""
    generator = random.Random(seed)
    rows = []
    for number in range(count):
        label, words = (("positive", GOOD), ("negative", BAD))[number % 2]
        chosen = " and ".join(generator.choices(words, k=generator.randint(1, 4)))
        # The number makes rows distinct without telling anything about the label.
        text = f"{generator.choice(FILLERS)} {chosen} {offset + number}"
        rows.append({"text": text, "label": label})
    return rows


def write_csv(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["text", "label"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_jsonl(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as JSONL."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_parquet(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as Parquet."""
    import pyarrow
    import pyarrow.parquet

    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    return path


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Merge nested dicts; None removes."""
    merged = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


@dataclass
class TrainerJob:
    """A job and the folders of its pod."""

    folder: Path
    spec: dict[str, Any]
    name: str = "reviews"
    uid: str = UID
    attempt: int = 1
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def volumes(self) -> Path:
        """Where claims are."""
        return self.folder / "volumes"

    @property
    def claim(self) -> Path:
        """The claim `data`, which holds everything of the test."""
        return self.volumes / "data"

    @property
    def output(self) -> Path:
        """Where the model goes."""
        return self.claim / "model"

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie."""
        return self.volumes / self.resolve().checkpoints_uri.removeprefix("pvc://")

    @property
    def termination_log(self) -> Path:
        """Where the outcome goes."""
        return self.folder / "termination-log"

    def with_spec(self, **changes: Any) -> Self:
        """Merge changes, in camelCase, into the spec."""
        self.spec = merge(self.spec, changes)
        return self

    def with_train_rows(self, rows: Sequence[Row], name: str = "train.csv") -> Self:
        """Replace the training data; the ending of the name decides the format."""
        writers = {".csv": write_csv, ".jsonl": write_jsonl, ".parquet": write_parquet}
        writers[Path(name).suffix](self.claim / name, rows)
        return self.with_spec(dataset={"train": {"source": f"pvc://data/{name}"}})

    def with_test_rows(self, rows: Sequence[Row]) -> Self:
        """Add test data."""
        write_csv(self.claim / "test.csv", rows)
        return self.with_spec(dataset={"test": {"source": "pvc://data/test.csv"}})

    def with_attempt(self, number: int) -> Self:
        """Say which attempt it is."""
        self.attempt = number
        return self

    def resolve(self) -> ResolvedJob:
        """Resolve it as the operator does."""
        manifest = {
            "apiVersion": "finetune.dev/v1alpha1",
            "kind": "FineTuneJob",
            "metadata": {"name": self.name, "namespace": "default", "uid": self.uid},
            "spec": self.spec,
        }
        return resolve_job(parse_job(manifest))

    def environment(self) -> dict[str, str]:
        """Write the job file and give the variables of the pod."""
        path = self.folder / "job.json"
        path.write_text(self.resolve().model_dump_json(by_alias=True, exclude_none=True))
        return {
            Variable.JOB_FILE: str(path),
            Variable.VOLUMES_DIRECTORY: str(self.volumes),
            Variable.SCRATCH_DIRECTORY: str(self.folder / "scratch"),
            Variable.TERMINATION_LOG: str(self.termination_log),
            Variable.ATTEMPT: str(self.attempt),
            # More threads than idle cores make tiny models slower by far.
            Variable.CPU_LIMIT_MILLICORES: "1000",
            **self.variables,
        }

    def read_outcome(self) -> Outcome:
        """Read the termination log."""
        outcome = decode_outcome(self.termination_log.read_text())
        assert outcome is not None
        return outcome


def a_trainer_job(folder: Path, model: Path | None = None, rows: int = 64) -> TrainerJob:
    """Give a small job that succeeds: learnable reviews, a tiny model, the CPU.

    Args:
        folder: stands for the file system of the pod.
        model: a model made by `trainer_models`; linked into the claim.
        rows: training rows.
    """
    job = TrainerJob(
        folder,
        {
            "task": "TextClassification",
            "model": {"source": "pvc://data/base"},
            "dataset": {"train": {"source": "pvc://data/train.csv"}},
            "training": {
                "epochs": 2,
                "batchSize": 8,
                "learningRate": 0.001,
                "precision": "Float32",
                "maxLength": 32,
            },
            "output": {"destination": "pvc://data/model"},
            "resources": {"gpusPerNode": 0},
        },
    )
    job.claim.mkdir(parents=True, exist_ok=True)
    if model is not None:
        (job.claim / "base").symlink_to(model, target_is_directory=True)
    return job.with_train_rows(make_reviews(rows))
