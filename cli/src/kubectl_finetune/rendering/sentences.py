"""Numbers in words: pure functions from reports and outcomes to single lines.

The views and the summary print them; tests/unit/cli/rendering reads them as a user would.
"""

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1 import FineTuneJobSpec
from finetune_api.v1alpha1.status import EarlyStoppingStatus, HistoryPoint, Metric, Resolved

_PHASES = {
    "Start": "starting",
    "Validate": "checking the data",
    "Load": "loading the model",
    "Baseline": "measuring the untouched model",
    "Train": "training",
    "Evaluate": "evaluating",
    "Save": "saving",
    "Test": "testing",
    "Export": "exporting the model",
    "Done": "done",
}
PHASE_WIDTH = max(len(text) for text in _PHASES.values())


def describe_phase(report: ProgressReport) -> str:
    """Say what the trainer does now, `training, fold 2/5`."""
    phase = _PHASES.get(report.phase, report.phase)
    if report.fold is None:
        return phase
    return f"{phase}, fold {report.fold}" if "/" in report.fold else f"{phase}, {report.fold}"


def describe_numbers(report: ProgressReport) -> str:
    """Say how it goes, `loss 0.4142 · best f1 0.812 @420 · patience 1 · ETA 1m12s`."""
    parts = []
    if report.loss is not None:
        parts.append(f"loss {report.loss:.4f}")
    stopping = report.early_stopping
    if stopping is not None and stopping.best is not None:
        parts.append(f"best {stopping.metric} {stopping.best:.3f} @{stopping.best_step}")
    if stopping is not None and stopping.patience_remaining is not None:
        parts.append(f"patience {stopping.patience_remaining}")
    if report.eta_seconds is not None and report.phase in ("Train", "Evaluate", "Save"):
        parts.append(f"ETA {format_duration(report.eta_seconds)}")
    return " · ".join(parts)


def describe_evaluation(point: HistoryPoint, metric: str, best: HistoryPoint) -> str:
    """Say what one evaluation measured, `step 120   f1 0.742   best so far`.

    Args:
        point: the evaluation.
        metric: what `point.metric` is.
        best: the best evaluation up to this one.
    """
    parts = [f"step {point.step}"]
    if point.metric is not None and metric != "loss":
        parts.append(f"{metric} {point.metric:.3f}")
    if point.evaluation_loss is not None:
        parts.append(f"validation loss {point.evaluation_loss:.4f}")
    is_best = point.step == best.step
    parts.append("best so far" if is_best else f"no improvement since step {best.step}")
    return "   ".join(parts)


def describe_rows(rows: dict[str, int]) -> str:
    """Count the rows of each part, `rows: 3,000 train, 800 validation`."""
    return "rows: " + ", ".join(f"{count:,} {part}" for part, count in rows.items())


def describe_model(resolved: Resolved) -> str:
    """Say how large the model is, how much of it moves, and in which arithmetic."""
    parts = []
    if resolved.parameters:
        total, trainable = resolved.parameters.total, resolved.parameters.trainable
        moving = "all" if total == trainable else format_count(trainable)
        parts.append(f"{format_count(total)} weights, {moving} trained")
    if resolved.precision:
        parts.append(resolved.precision)
    return "model: " + ", ".join(parts) if parts else ""


def describe_metrics(metrics: list[Metric]) -> str:
    """List metrics in one line, `accuracy 0.503, f1 0.335`."""
    return ", ".join(f"{metric.name} {metric.value:.3f}" for metric in metrics)


def describe_end_of_training(report: ProgressReport, spec: FineTuneJobSpec) -> str:
    """Say in words when and why training stopped, and what that saved."""
    stopping = report.early_stopping
    planned = report.maximum_steps
    if stopping is None or not stopping.stopped:
        best = _describe_best(stopping)
        return f"trained all {report.step} steps" + (f"; {best} was kept" if best else "")
    stopped_step = stopping.stopped_step or report.step
    place = f"at step {stopped_step}" + (f" of {planned}" if planned else "")
    parts = [f"stopped early {place}: {_describe_reason(stopping, spec)}"]
    parts.append(_describe_best(stopping))
    if stopping.steps_saved:
        parts.append(f"saved {stopping.steps_saved} steps")
    return "; ".join(part for part in parts if part)


def _describe_reason(stopping: EarlyStoppingStatus, spec: FineTuneJobSpec) -> str:
    if stopping.reason == "TargetReached":
        return f"{stopping.metric} reached the target {spec.early_stopping.target}"
    patience = spec.early_stopping.patience
    evaluations = "evaluation" if patience == 1 else f"{patience} evaluations"
    return f"{stopping.metric} did not improve for {'one ' if patience == 1 else ''}{evaluations}"


def _describe_best(stopping: EarlyStoppingStatus | None) -> str:
    if stopping is None or stopping.best is None:
        return ""
    metric = "" if stopping.stopped else f"{stopping.metric} "
    return f"best {metric}{stopping.best:.3f} at step {stopping.best_step}"


def format_duration(seconds: float) -> str:
    """Write a time as people do: 9s, 1m12s, 2h03m."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{rest}s"


def format_count(count: int) -> str:
    """Write a count in three digits: 940, 22.7M, 1.24B."""
    for limit, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if count >= limit:
            return f"{count / limit:.3g}{unit}"
    return str(count)
