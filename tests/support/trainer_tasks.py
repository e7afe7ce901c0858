"""Builds parts, settings and judged answers for the tests of tasks, without a whole run."""

from typing import Any

import numpy as np

from finetune_api.contract.resolved_jobs import resolve_spec
from finetune_api.v1alpha1 import FineTuneJobSpec, parse_job
from finetune_trainer.data.tables import Origin, Part, Table
from finetune_trainer.tasks.base import EncodeSettings, Judged, Rows, Task
from finetune_trainer.training.orders import order_for_evaluation


def a_part(name: str = "train", **columns: list[Any]) -> Part:
    """Give a part of all rows of a table; columns by role."""
    table = Table(columns, (Origin("a.csv", 0),))
    return Part(name, table, range(len(table)))


def a_spec(task: str, **sections: Any) -> FineTuneJobSpec:
    """Give a resolved spec of a task; sections in camelCase."""
    spec = {
        "task": task,
        "model": {"source": "pvc://data/base"},
        "dataset": {"train": {"source": "pvc://data/train.jsonl"}},
        "resources": {"gpusPerNode": 0},
        **sections,
    }
    manifest = {
        "apiVersion": "finetune.dev/v1alpha1",
        "kind": "FineTuneJob",
        "metadata": {"name": "job"},
        "spec": spec,
    }
    return resolve_spec(parse_job(manifest).spec)


def settings_of(
    task: str, labels: tuple[str, ...] = (), max_length: int = 32, **sections: Any
) -> EncodeSettings:
    """Give the settings by which the rows of a task are encoded."""
    return EncodeSettings(a_spec(task, **sections), labels, max_length)


def judge(task: Task, part: Part, processor: Any, settings: EncodeSettings, model: Any) -> Judged:
    """Encode a part and ask a model about it, in batches of three, as the Trainer does."""
    import torch

    encoded = task.encode(part, processor, settings)
    collate = task.build_collator(processor, settings)
    order = order_for_evaluation(encoded.lengths)
    found: dict[str, list[Any]] = {}
    model.eval()
    with torch.no_grad():
        for start in range(0, len(order), 3):
            batch = collate([encoded.features[i] for i in order[start : start + 3]])
            for name, answer in task.answer(model, batch, settings.spec).items():
                found.setdefault(name, []).append(answer.float().numpy())
    places = np.argsort(order, kind="stable")
    answers = {name: _stack(arrays)[places] for name, arrays in found.items()}
    return Judged(answers, Rows(part, encoded), settings, processor)


def _stack(arrays: list[Any]) -> Any:
    """Join batches; the narrower ones are filled with -100, as the Trainer does."""
    if arrays[0].ndim == 1:
        return np.concatenate(arrays)
    width = max(array.shape[1] for array in arrays)
    return np.concatenate(
        [
            np.pad(
                array,
                [(0, 0), (0, width - array.shape[1])] + [(0, 0)] * (array.ndim - 2),
                constant_values=-100,
            )
            for array in arrays
        ]
    )
