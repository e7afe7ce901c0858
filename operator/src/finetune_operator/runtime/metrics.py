"""Gauges about jobs, made from the store at every scrape: a job that is gone leaves no series.

Labels are namespace and name; what a pod says is a value and never a label. Numbers of a finished
job are exported for a while and then no more; its state stays until it is deleted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1.status import EarlyStoppingStatus, Metrics
from finetune_operator.core import names
from finetune_operator.core.records import JobRecord
from finetune_operator.core.settings import Settings
from finetune_operator.core.times import parse_time
from finetune_operator.runtime.health import Health
from finetune_operator.runtime.ports import Clock
from finetune_operator.runtime.queues import KeyedQueue
from finetune_operator.runtime.store import Store

JOB_LABELS = ("namespace", "name")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A job and the newest report about it."""

    job: JobRecord
    report: ProgressReport | None
    reported_at: float | None


Read = Callable[[Snapshot], float | None]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number of a job.

    Attributes:
        is_live: whether it is exported only while the job runs and shortly after.
    """

    name: str
    help: str
    read: Read
    is_live: bool = True


def _progress(name: str, reported: str | None = None) -> Read:
    """Read a number from the live report, else from the status."""

    def read(snapshot: Snapshot) -> float | None:
        if snapshot.report is not None:
            value = getattr(snapshot.report, reported or name)
            return None if value is None else float(value)
        progress = snapshot.job.status.progress
        value = getattr(progress, name, None) if progress else None
        return None if value is None else float(value)

    return read


def _reported(name: str) -> Read:
    def read(snapshot: Snapshot) -> float | None:
        value = getattr(snapshot.report, name) if snapshot.report else None
        return None if value is None else float(value)

    return read


def _read_ratio(snapshot: Snapshot) -> float | None:
    report, progress = snapshot.report, snapshot.job.status.progress
    if snapshot.job.status.state in ("Succeeded", "EarlyStopped"):
        return 1.0
    if report is not None and report.maximum_steps:
        return min(1.0, report.step / report.maximum_steps)
    return None if progress is None or progress.percent is None else progress.percent / 100


def _read_stopping(name: str) -> Read:
    def read(snapshot: Snapshot) -> float | None:
        stopping = _find_stopping(snapshot)
        value = getattr(stopping, name) if stopping else None
        return None if value is None else float(value)

    return read


def _find_stopping(snapshot: Snapshot) -> EarlyStoppingStatus | None:
    reported = snapshot.report.early_stopping if snapshot.report else None
    return reported or snapshot.job.status.early_stopping


def _read_checkpoint_step(snapshot: Snapshot) -> float | None:
    checkpoint = snapshot.report.checkpoint if snapshot.report else None
    checkpoint = checkpoint or snapshot.job.status.checkpoint
    return None if checkpoint is None else float(checkpoint.step)


def _time(name: str) -> Read:
    return lambda snapshot: parse_time(getattr(snapshot.job.status, name))


def _read_early_stop_time(snapshot: Snapshot) -> float | None:
    status = snapshot.job.status
    return parse_time(status.completion_time) if status.state == "EarlyStopped" else None


def _read_report_time(snapshot: Snapshot) -> float | None:
    progress = snapshot.job.status.progress
    return snapshot.reported_at or parse_time(progress.last_report_time if progress else None)


GAUGES: tuple[Gauge, ...] = (
    Gauge("progress_ratio", "Part of the optimizer steps done.", _read_ratio),
    Gauge("estimated_remaining_seconds", "Seconds to the last step.", _progress("eta_seconds")),
    Gauge("step", "Optimizer steps done.", _progress("step")),
    Gauge("max_steps", "Optimizer steps in all.", _progress("maximum_steps")),
    Gauge("epoch", "Passes over the data done.", _progress("epoch")),
    Gauge("train_loss", "Training loss, last reported.", _progress("loss")),
    Gauge("eval_loss", "Loss on the validation rows.", _progress("evaluation_loss")),
    Gauge(
        "early_stop_patience_remaining",
        "Evaluations left without an improvement.",
        _read_stopping("patience_remaining"),
    ),
    Gauge("checkpoint_step", "Step of the newest whole checkpoint.", _read_checkpoint_step),
    Gauge("learning_rate", "Learning rate of the last step.", _progress("learning_rate")),
    Gauge("grad_norm", "Length of the gradient.", _reported("gradient_norm")),
    Gauge("samples_per_second", "Rows per second.", _progress("samples_per_second")),
    Gauge("tokens_per_second", "Tokens per second.", _reported("tokens_per_second")),
    Gauge("last_report_timestamp_seconds", "When the trainer last reported.", _read_report_time),
    Gauge("start_timestamp_seconds", "When the first attempt began.", _time("start_time"), False),
    Gauge("completion_timestamp_seconds", "When it ended.", _time("completion_time"), False),
    Gauge("early_stop_timestamp_seconds", "When it stopped early.", _read_early_stop_time, False),
)


MEASURED = (
    ("baseline", "The untouched model on the validation rows."),
    ("best", "The kept model on the validation rows."),
    ("test_baseline", "The untouched model on the test rows."),
    ("test", "The kept model on the test rows."),
)


Compare = Callable[[Metrics], dict[str, float]]


def _read_drops(metrics: Metrics) -> dict[str, float]:
    return {metric.name: metric.drop for metric in metrics.forgetting or ()}


def _read_worst_gaps(metrics: Metrics) -> dict[str, float]:
    worst: dict[str, float] = {}
    for gap in metrics.slices or ():
        worst[gap.metric] = max(gap.gap, worst.get(gap.metric, 0.0))
    return worst


COMPARED: tuple[tuple[str, str, Compare], ...] = (
    (
        "forgetting_delta",
        "By how much a metric on general rows got worse by training.",
        _read_drops,
    ),
    (
        "worst_slice_gap",
        "The largest gap between two groups of rows, over all columns of groups.",
        _read_worst_gaps,
    ),
)


class JobCollector:
    """Makes all families for one scrape out of snapshots. Satisfies prometheus' Collector."""

    def __init__(self, snapshots: list[Snapshot], settings: Settings, now: float) -> None:
        self._snapshots = snapshots
        self._live = [s for s in snapshots if _is_live(s.job, settings, now)]

    def collect(self) -> Iterator[Family]:
        """Give every family."""
        yield self._count_states()
        yield self._describe()
        yield self._tell_conditions()
        yield self._count_restarts()
        for of, text in MEASURED:
            yield self._tell_metrics(of, text)
        for name, text, read in COMPARED:
            yield self._tell_comparison(name, text, read)
        for gauge in GAUGES:
            family = GaugeMetricFamily(f"finetune_job_{gauge.name}", gauge.help, labels=JOB_LABELS)
            for snapshot in self._live if gauge.is_live else self._snapshots:
                value = gauge.read(snapshot)
                if value is not None:
                    family.add_metric(tuple(snapshot.job.key), value)
            yield family

    def _tell_comparison(self, name: str, text: str, read: Compare) -> Family:
        labels = (*JOB_LABELS, "metric")
        family = GaugeMetricFamily(f"finetune_job_{name}", text, labels=labels)
        for snapshot in self._live:
            reported = snapshot.report.metrics if snapshot.report else None
            measured = reported or snapshot.job.status.metrics
            for metric, value in read(measured).items() if measured else ():
                family.add_metric((*snapshot.job.key, metric), value)
        return family

    def _count_states(self) -> Family:
        family = GaugeMetricFamily("finetune_jobs", "Jobs.", labels=("namespace", "state"))
        counts = Counter(
            (s.job.key.namespace, s.job.status.state or "Pending") for s in self._snapshots
        )
        for labels, count in counts.items():
            family.add_metric(labels, count)
        return family

    def _describe(self) -> Family:
        labels = (*JOB_LABELS, "uid", "task", "model", "method", "queue")
        family = GaugeMetricFamily("finetune_job_info", "What a job is; always 1.", labels=labels)
        for snapshot in self._snapshots:
            job = snapshot.job
            if job.job is None:
                continue
            spec, queue = job.job.spec, job.job.metadata.labels.get(names.QUEUE_LABEL, "")
            about = (job.uid, spec.task, spec.model.source, spec.method.type, queue)
            family.add_metric((*job.key, *about), 1)
        return family

    def _tell_conditions(self) -> Family:
        labels = (*JOB_LABELS, "condition", "status")
        family = GaugeMetricFamily(
            "finetune_job_status_condition",
            "Conditions; 1 for the status they have.",
            labels=labels,
        )
        for snapshot in self._snapshots:
            for condition in snapshot.job.status.conditions:
                for status in ("true", "false", "unknown"):
                    family.add_metric(
                        (*snapshot.job.key, condition.type, status),
                        1 if condition.status.lower() == status else 0,
                    )
        return family

    def _count_restarts(self) -> Family:
        family = CounterMetricFamily(
            "finetune_job_restarts", "Attempts after the first, and preemptions.", labels=JOB_LABELS
        )
        for snapshot in self._snapshots:
            attempts = snapshot.job.status.attempts
            if attempts is not None and attempts.started:
                restarts = attempts.started - 1 + attempts.preempted
                family.add_metric(tuple(snapshot.job.key), restarts)
        return family

    def _tell_metrics(self, of: str, text: str) -> Family:
        labels = (*JOB_LABELS, "metric")
        family = GaugeMetricFamily(f"finetune_job_{of}_metric", text, labels=labels)
        for snapshot in self._live:
            for name, value in _list_values(snapshot, of).items():
                family.add_metric((*snapshot.job.key, name), value)
        return family


def _list_values(snapshot: Snapshot, of: str) -> dict[str, float]:
    """Give measured values by name: a name that a pod says twice would spoil the whole scrape."""
    measured = snapshot.report.metrics if snapshot.report else None
    measured = measured or snapshot.job.status.metrics
    values = {m.name: m.value for m in (getattr(measured, of) if measured else None) or ()}
    stopping = _find_stopping(snapshot)
    if of == "best" and stopping is not None and stopping.best is not None:
        values.setdefault(stopping.metric, stopping.best)
    return values


def _is_live(job: JobRecord, settings: Settings, now: float) -> bool:
    ended_at = parse_time(job.status.completion_time) if job.is_finished else None
    return ended_at is None or now - ended_at < settings.finished_metrics_seconds


def take_snapshots(store: Store) -> list[Snapshot]:
    """Note what the store holds, so that a thread can read it in peace."""
    snapshots = []
    for job in store.jobs.values():
        received = None if job.is_finished else store.find_report(job.uid)
        snapshots.append(
            Snapshot(
                job,
                received.report if received else None,
                received.received_at if received else None,
            )
        )
    return snapshots


def build_renderer(
    store: Store, registry: CollectorRegistry, settings: Settings, clock: Clock
) -> Callable[[], Callable[[], bytes]]:
    """Give what takes a snapshot and gives what renders it."""

    def take_snapshot() -> Callable[[], bytes]:
        jobs = JobCollector(take_snapshots(store), settings, clock())

        def render() -> bytes:
            about_jobs = CollectorRegistry(auto_describe=False)
            about_jobs.register(jobs)
            return generate_latest(registry) + generate_latest(about_jobs)

        return render

    return take_snapshot


class OperatorCollector:
    """Gauges about the operator itself, read when scraped."""

    def __init__(self, store: Store, queue: KeyedQueue, health: Health) -> None:
        self._store = store
        self._queue = queue
        self._health = health

    def collect(self) -> Iterator[Family]:
        """Give every family."""
        values = (
            ("queue_depth", "Jobs that wait to be looked at.", self._queue.depth),
            ("queue_oldest_seconds", "How long the first waits.", self._queue.oldest_seconds),
            ("active_workers", "Jobs being looked at.", self._queue.active),
            ("store_jobs", "Jobs that are known.", len(self._store.jobs)),
            ("loop_lag_seconds", "How late the event loop is.", self._health.lag_seconds),
            ("sweep_age_seconds", "Seconds since a sweep.", self._health.sweep_age_seconds),
        )
        for name, text, value in values:
            family = GaugeMetricFamily(f"finetune_operator_{name}", text)
            family.add_metric((), value)
            yield family
