"""The Prometheus metrics of a trainer: a table of gauges that read the board, and a few counters.

Gauges cost nothing while training: they are read from the report when somebody scrapes. Only what
is lost between two scrapes (durations, totals) is counted as it happens.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1 import status
from finetune_trainer.reporting.board import Board

PREFIX = "finetune_trainer"
STEP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SAVE_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
Read = Callable[[ProgressReport], float | None]


@dataclass(frozen=True, slots=True)
class GaugeRow:
    """One number of the report."""

    stem: str
    help: str
    read: Read


GAUGES: tuple[GaugeRow, ...] = (
    GaugeRow("step", "Optimizer steps done.", lambda r: r.step),
    GaugeRow("max_steps", "Optimizer steps in all.", lambda r: r.maximum_steps),
    GaugeRow("epoch", "Passes over the training rows done.", lambda r: r.epoch),
    GaugeRow(
        "progress_ratio",
        "Share of the optimizer steps that is done.",
        lambda r: r.step / r.maximum_steps if r.maximum_steps else None,
    ),
    GaugeRow("estimated_remaining_seconds", "Seconds to the last step.", lambda r: r.eta_seconds),
    GaugeRow("train_loss", "Training loss, last logged.", lambda r: r.loss),
    GaugeRow("eval_loss", "Loss on the validation rows.", lambda r: r.evaluation_loss),
    GaugeRow("learning_rate", "Highest learning rate of the last step.", lambda r: r.learning_rate),
    GaugeRow("grad_norm", "Length of the gradient before clipping.", lambda r: r.gradient_norm),
    GaugeRow(
        "samples_per_second", "Rows per second while training.", lambda r: r.samples_per_second
    ),
    GaugeRow(
        "tokens_per_second",
        "Tokens per second, padding not counted.",
        lambda r: r.tokens_per_second,
    ),
    GaugeRow(
        "early_stop_patience_remaining",
        "Evaluations left without an improvement.",
        lambda r: r.early_stopping.patience_remaining if r.early_stopping else None,
    ),
    GaugeRow(
        "last_checkpoint_step",
        "Step of the newest whole checkpoint.",
        lambda r: r.checkpoint.step if r.checkpoint else None,
    ),
    GaugeRow(
        "last_step_timestamp_seconds",
        "When the last step or other sign of life was, in Unix time.",
        lambda r: (
            datetime.fromisoformat(r.last_step_time).timestamp() if r.last_step_time else None
        ),
    ),
)


def read_drops(metrics: status.Metrics) -> list[status.Metric]:
    """Give by how much each metric got worse on general rows."""
    return [status.Metric(name=m.name, value=m.drop) for m in metrics.forgetting or ()]


def read_worst_gaps(metrics: status.Metrics) -> list[status.Metric]:
    """Give the largest gap of each metric, over all columns of groups."""
    worst: dict[str, float] = {}
    for gap in metrics.slices or ():
        worst[gap.metric] = max(gap.gap, worst.get(gap.metric, 0.0))
    return [status.Metric(name=name, value=gap) for name, gap in worst.items()]


METRIC_SETS: tuple[tuple[str, str, Callable[[status.Metrics], list[status.Metric] | None]], ...] = (
    (
        "baseline_metric",
        "Metrics of the untouched model on the validation rows.",
        lambda m: m.baseline,
    ),
    ("best_metric", "Metrics of the best model on the validation rows.", lambda m: m.best),
    ("test_metric", "Metrics of the best model on the test rows.", lambda m: m.test),
    ("forgetting_delta", "By how much a metric on general rows got worse.", read_drops),
    ("worst_slice_gap", "The largest gap between two groups of rows.", read_worst_gaps),
)


class BoardCollector(Collector):
    """Reads the board when Prometheus asks."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterable[Metric]:
        """Give every number that the report has."""
        report = self._board.snapshot()
        yield from self._collect_gauges(report)
        yield from self._collect_metric_sets(report)
        phase = GaugeMetricFamily(f"{PREFIX}_phase", "1 for the present phase.", labels=["phase"])
        phase.add_metric([report.phase], 1)
        yield phase
        durations = GaugeMetricFamily(
            f"{PREFIX}_phase_duration_seconds", "Seconds spent in each phase.", labels=["phase"]
        )
        for name, seconds in self._board.phase_seconds().items():
            durations.add_metric([name], seconds)
        yield durations

    def _collect_gauges(self, report: ProgressReport) -> Iterator[Metric]:
        for row in GAUGES:
            value = row.read(report)
            if value is not None:
                yield GaugeMetricFamily(f"{PREFIX}_{row.stem}", row.help, value=value)

    def _collect_metric_sets(self, report: ProgressReport) -> Iterator[Metric]:
        for stem, text, read in METRIC_SETS:
            metrics = read(report.metrics) if report.metrics else None
            family = GaugeMetricFamily(f"{PREFIX}_{stem}", text, labels=["metric"])
            for metric in metrics or ():
                family.add_metric([metric.name], metric.value)
            yield family


class Instruments:
    """What is counted as it happens, and the registry of it all."""

    def __init__(self, board: Board) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(BoardCollector(board))
        self.step_duration = Histogram(
            f"{PREFIX}_step_duration_seconds",
            "Seconds per optimizer step.",
            buckets=STEP_BUCKETS,
            registry=self.registry,
        )
        self.checkpoint_duration = Histogram(
            f"{PREFIX}_checkpoint_duration_seconds",
            "Seconds to write and seal a checkpoint.",
            buckets=SAVE_BUCKETS,
            registry=self.registry,
        )
        self.checkpoint_bytes = self._gauge("checkpoint_bytes", "Size of the newest checkpoint.")
        self.padding_ratio = self._gauge(
            "padding_ratio", "Share of padding in the training batches."
        )
        self.eval_metric = Gauge(
            f"{PREFIX}_eval_metric",
            "Metrics of the last evaluation on the validation rows.",
            ["metric"],
            registry=self.registry,
        )
        self.memory_bytes = Gauge(
            f"{PREFIX}_memory_bytes",
            "Highest memory use so far: rss of the process, device of the GPU.",
            ["kind"],
            registry=self.registry,
        )
        self.tokens = self._counter("tokens", "Tokens seen in training, padding not counted.")
        self.nonfinite_steps = self._counter(
            "nonfinite_steps", "Steps whose loss or gradient was no number."
        )
        self.tracking_lost = Counter(
            f"{PREFIX}_tracking_lost_points",
            "Points of the training that a tracker did not get.",
            ["tracker"],
            registry=self.registry,
        )
        self.restarts = self._gauge("restarts_total", "Attempts before this one.")

    def render(self) -> bytes:
        """Give the metrics as Prometheus text."""
        return generate_latest(self.registry)

    def _gauge(self, stem: str, text: str) -> Gauge:
        return Gauge(f"{PREFIX}_{stem}", text, registry=self.registry)

    def _counter(self, stem: str, text: str) -> Counter:
        return Counter(f"{PREFIX}_{stem}", text, registry=self.registry)
