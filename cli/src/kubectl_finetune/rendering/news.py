"""What is new in a report: the lines that a run leaves behind, each said once.

The trainer repeats itself twice a second; both views print what `News.read` gives, so that a
terminal and a log file tell the same story.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1.metrics import is_greater_better
from finetune_api.v1alpha1.status import HistoryPoint
from finetune_api.v1alpha1.training import EarlyStopping
from kubectl_finetune.rendering import sentences

_Lines: TypeAlias = Iterator[tuple[str, str]]
"""A key that says what a line is about, and the line."""


class News:
    """Remembers what was said of one run.

    Args:
        early_stopping: what the job follows, with its metric filled in.
    """

    def __init__(self, early_stopping: EarlyStopping) -> None:
        self._early_stopping = early_stopping
        self._said: set[str] = set()

    def read(self, report: ProgressReport) -> Iterator[str]:
        """Give the lines that this report adds."""
        for topic in _TOPICS:
            for key, line in topic(report, self._early_stopping):
                if key not in self._said:
                    self._said.add(key)
                    yield line


def _tell_resumption(report: ProgressReport, early_stopping: EarlyStopping) -> _Lines:
    del early_stopping
    if report.resumed_from_step:
        yield "resumed", f"going on from the checkpoint of step {report.resumed_from_step}"


def _tell_what_was_found(report: ProgressReport, early_stopping: EarlyStopping) -> _Lines:
    del early_stopping
    resolved = report.resolved
    if resolved is None:
        return
    if resolved.rows:
        yield "rows", sentences.describe_rows(resolved.rows)
    if resolved.parameters:
        yield "model", sentences.describe_model(resolved)
    for warning in resolved.warnings:
        yield warning, f"warning: {warning}"


def _tell_baseline(report: ProgressReport, early_stopping: EarlyStopping) -> _Lines:
    del early_stopping
    if report.metrics is not None and report.metrics.baseline:
        yield "baseline", f"before training: {sentences.describe_metrics(report.metrics.baseline)}"


def _tell_evaluations(report: ProgressReport, early_stopping: EarlyStopping) -> _Lines:
    # The best is found in the curve itself: the trainer's own verdict on the newest point may not
    # be in this report yet.
    metric = early_stopping.metric or "loss"
    sign = 1 if is_greater_better(metric) else -1
    best: HistoryPoint | None = None
    for point in report.history:
        if point.metric is None:
            continue
        if (
            best is None
            or best.metric is None
            or sign * (point.metric - best.metric) > early_stopping.min_delta
        ):
            best = point
        yield f"step {point.step}", sentences.describe_evaluation(point, metric, best)


_TOPICS: tuple[Callable[[ProgressReport, EarlyStopping], _Lines], ...] = (
    _tell_resumption,
    _tell_what_was_found,
    _tell_baseline,
    _tell_evaluations,
)
