"""The model card: where the model comes from, how good it is and how sure that is, and its limits.

`exporters` writes it as README.md beside the weights, in the form that model hubs read.
"""

from collections.abc import Iterable, Mapping, Sequence

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1.status import Metric, Metrics, Resolved
from finetune_api.v1alpha1.tasks import TASK_TRAITS
from finetune_trainer.evaluation.findings import NO_FINDINGS, Findings
from finetune_trainer.evaluation.intervals import Interval
from finetune_trainer.export.chapters import write_bias, write_examinations
from finetune_trainer.export.usages import is_bare_adapter, write_usage
from finetune_trainer.reporting.board import Measured

PARTS: tuple[tuple[str, Measured, Measured], ...] = (
    ("validation", "best", "baseline"),
    ("test", "test", "test_baseline"),
)
"""For each part what the metrics of the model are called in the report, and those before."""


def write_card(
    job: ResolvedJob,
    report: ProgressReport,
    about_data: Sequence[str] = (),
    findings: Findings = NO_FINDINGS,
) -> str:
    """Write the card.

    Args:
        job: what was asked for.
        report: what came of it.
        about_data: the validation report in sentences.
        findings: what examining the model gave.
    """
    resolved, metrics = report.resolved or Resolved(), report.metrics or Metrics()
    sections = (
        _write_head(job),
        f"# {job.name}\n",
        _write_use(job),
        _write_origin(job, resolved),
        _write_data(about_data),
        _write_metrics(report, findings),
        _write_folds(report),
        write_examinations(metrics, findings),
        _write_recipe(job, resolved, report),
        _write_cost(report, findings),
        _write_limits(resolved, write_bias(metrics, findings)),
    )
    return "\n".join(section for section in sections if section)


def _write_head(job: ResolvedJob) -> str:
    lines = [
        "---",
        f"pipeline_tag: {TASK_TRAITS[job.spec.task].pipeline}",
        f"library_name: {'peft' if is_bare_adapter(job.spec) else 'transformers'}",
    ]
    if job.spec.model.source.startswith("hf://"):
        lines.append(f"base_model: {job.spec.model.source.removeprefix('hf://')}")
    return "\n".join([*lines, "---", ""])


def _write_use(job: ResolvedJob) -> str:
    return f"## Use\n\n```python\n{write_usage(job.spec)}\n```\n"


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


def _write_data(sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    lines = ["## Data", "", *(f"- {sentence}" for sentence in sentences)]
    return "\n".join([*lines, "", "validation_report.json says it in numbers.", ""])


def _write_metrics(report: ProgressReport, findings: Findings) -> str:
    metrics = report.metrics or Metrics()
    rows = (report.resolved.rows if report.resolved else None) or {}
    lines = [
        "## Metrics",
        "",
        "| Part | n | Metric | This model | 95 % interval | Before |",
        "|---|---|---|---|---|---|",
    ]
    for part, after, before in PARTS:
        earlier = {m.name: m.value for m in getattr(metrics, before) or ()}
        intervals = findings.intervals.get(after, {})
        lines += [
            _write_metric((part, rows.get(part, 0)), metric, intervals, earlier)
            for metric in getattr(metrics, after) or ()
        ]
    lines += [
        "",
        "The interval says how far chance alone may carry a value on so many rows: Wilson's for a"
        " share of rows, for all else from measuring rows that are drawn anew. The best model was"
        " chosen on the validation rows, so trust the test rows more. Precision, recall and F1 are"
        " macro averages where there are labels.",
        "",
    ]
    return "\n".join(lines)


def _write_metric(
    part: tuple[str, int],
    metric: Metric,
    intervals: Mapping[str, Interval],
    earlier: Mapping[str, float],
) -> str:
    interval = (
        "{:.3f} to {:.3f}".format(*intervals[metric.name]) if metric.name in intervals else ""
    )
    before = f"{earlier[metric.name]:.4f}" if metric.name in earlier else ""
    name, rows = part
    return (
        f"| {name.capitalize()} | {rows} | {metric.name} | {metric.value:.4f} | {interval} |"
        f" {before} |"
    )


def _write_folds(report: ProgressReport) -> str:
    folds = (report.metrics.folds if report.metrics else None) or []
    if not folds:
        return ""
    lines = [
        "## Cross-validation",
        "",
        "| Metric | Mean | Standard deviation | Folds |",
        "|---|---|---|---|",
        *(f"| {m.name} | {m.mean:.4f} | {m.standard_deviation:.4f} | {m.folds} |" for m in folds),
        "",
        "So well did models of this recipe do on rows that they had not learned from, each row"
        " once. This model is another one: it learned from all of these rows, with the learning"
        " rates of the folds and for as many steps as they took to their best on average. Expect"
        " it to be about as good; the folds differ by chance about as much as the standard"
        " deviation says. folds.json tells of each fold.",
        "",
    ]
    return "\n".join(lines)


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


def _write_cost(report: ProgressReport, findings: Findings) -> str:
    cost = findings.cost
    trained = report.train_seconds
    if cost is None:
        return ""
    return _write_table(
        "Cost",
        [
            ("Training steps, all attempts", None if trained is None else f"{trained:.0f} s"),
            ("CPU, the attempt that finished", f"{cost.cpu_seconds} s"),
            ("GPU, the attempt that finished", f"{cost.gpu_seconds} s"),
        ],
    )


def _write_limits(resolved: Resolved, bias: str) -> str:
    known = "the labels and the kind of data" if resolved.labels else "the kind of data"
    lines = [
        "## Limits",
        "",
        f"- It knows {known} above, nothing else; on other data it answers all the same.",
        bias,
        *(f"- {warning}" for warning in resolved.warnings),
    ]
    return "\n".join([*lines, ""])


def _write_table(title: str, rows: Iterable[tuple[str, object]]) -> str:
    lines = [f"## {title}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows if value not in (None, "")]
    return "\n".join([*lines, ""])
