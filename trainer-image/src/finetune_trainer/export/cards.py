"""The model card: where the model comes from, how good it is and how sure that is, and its limits.

`exporters` writes it as README.md beside the weights, in the form that model hubs read.
"""

import math
from collections.abc import Iterable

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1.status import Metric, Metrics, Resolved
from finetune_api.v1alpha1.tasks import TASK_TRAITS

SHARES = frozenset({"accuracy", "f1", "precision", "recall"})
"""Metrics between 0 and 1, for which the interval below is a fair guide."""
NORMAL_95 = 1.96


def write_card(job: ResolvedJob, report: ProgressReport) -> str:
    """Write the card."""
    resolved = report.resolved or Resolved()
    sections = (
        _write_head(job),
        f"# {job.name}\n",
        _write_origin(job, resolved),
        _write_metrics(report),
        _write_recipe(job, resolved, report),
        _write_limits(resolved),
    )
    return "\n".join(sections)


def estimate_interval(value: float, rows: int) -> tuple[float, float]:
    """Give the 95 % interval of a share of `rows` (Wilson): how far chance alone may carry it."""
    square = NORMAL_95**2
    center = (value + square / (2 * rows)) / (1 + square / rows)
    spread = math.sqrt(value * (1 - value) / rows + square / (4 * rows**2))
    half = NORMAL_95 * spread / (1 + square / rows)
    return max(0.0, center - half), min(1.0, center + half)


def _write_head(job: ResolvedJob) -> str:
    lines = [
        "---",
        f"pipeline_tag: {TASK_TRAITS[job.spec.task].pipeline}",
        "library_name: transformers",
    ]
    if job.spec.model.source.startswith("hf://"):
        lines.append(f"base_model: {job.spec.model.source.removeprefix('hf://')}")
    return "\n".join([*lines, "---", ""])


def _write_origin(job: ResolvedJob, resolved: Resolved) -> str:
    dataset = job.spec.dataset
    rows = ", ".join(f"{count} {part}" for part, count in (resolved.rows or {}).items())
    return _write_table(
        "Origin",
        [
            ("Task", job.spec.task),
            ("Base model", job.spec.model.source),
            ("Base model revision", resolved.model_revision),
            ("Training data", dataset.train.source),
            ("Data fingerprint", resolved.dataset_fingerprint),
            ("Rows", rows),
            ("Labels", ", ".join(resolved.labels or [])),
            ("Parameters", _describe_parameters(resolved)),
            ("Job", f"{job.namespace}/{job.name} ({job.uid})"),
            ("Configuration hash", job.config_hash),
        ],
    )


def _describe_parameters(resolved: Resolved) -> str | None:
    size = resolved.parameters
    return None if size is None else f"{size.total:,}, of which {size.trainable:,} were trained"


def _write_metrics(report: ProgressReport) -> str:
    metrics = report.metrics or Metrics()
    rows = (report.resolved.rows if report.resolved else None) or {}
    parts = (
        ("Validation", rows.get("validation", 0), metrics.best, metrics.baseline),
        ("Test", rows.get("test", 0), metrics.test, metrics.test_baseline),
    )
    lines = [
        "## Metrics",
        "",
        "| Part | Rows | Metric | This model | 95 % interval | Before |",
        "|---|---|---|---|---|---|",
    ]
    for name, count, after, before in parts:
        earlier = {metric.name: metric.value for metric in before or ()}
        lines += [_write_metric(name, count, metric, earlier) for metric in after or ()]
    lines += [
        "",
        "The interval says how far chance alone may carry a value on so many rows; it is exact for"
        " accuracy and a guide for the other shares. The best model was chosen on the validation"
        " rows, so trust the test rows more. Precision, recall and F1 are macro averages.",
        "",
    ]
    return "\n".join(lines)


def _write_metric(part: str, rows: int, metric: Metric, earlier: dict[str, float]) -> str:
    interval = ""
    if metric.name in SHARES and rows:
        low, high = estimate_interval(min(1.0, max(0.0, metric.value)), rows)
        interval = f"{low:.3f} to {high:.3f}"
    before = f"{earlier[metric.name]:.4f}" if metric.name in earlier else ""
    return f"| {part} | {rows} | {metric.name} | {metric.value:.4f} | {interval} | {before} |"


def _write_recipe(job: ResolvedJob, resolved: Resolved, report: ProgressReport) -> str:
    training = job.spec.training
    stopping = report.early_stopping
    stopped = stopping is not None and stopping.stopped
    return _write_table(
        "Recipe",
        [
            ("Method", job.spec.method.type),
            ("Steps", f"{report.step} of {report.maximum_steps}"),
            ("Ended", f"early: {stopping.reason}" if stopping and stopped else "as planned"),
            ("Best step", stopping.best_step if stopping else None),
            ("Rows per step", resolved.effective_batch_size),
            ("Learning rate", training.learning_rate),
            ("Learning rate of the head", training.head_learning_rate),
            ("Layer-wise decay", training.layerwise_learning_rate_decay),
            ("Schedule", training.schedule.type),
            ("Weight decay", training.weight_decay),
            ("Optimizer", training.optimizer),
            ("Precision", resolved.precision),
            ("Tokens per text, at most", training.max_length),
            ("Seed", training.seed),
        ],
    )


def _write_limits(resolved: Resolved) -> str:
    lines = [
        "## Limits",
        "",
        "- It knows the labels and the kind of text above, nothing else; on other texts it answers"
        " all the same.",
        "- It was not examined for bias. Measure it for the groups of people that it will meet.",
        *(f"- {warning}" for warning in resolved.warnings),
    ]
    return "\n".join([*lines, ""])


def _write_table(title: str, rows: Iterable[tuple[str, object]]) -> str:
    lines = [f"## {title}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows if value not in (None, "")]
    return "\n".join([*lines, ""])
