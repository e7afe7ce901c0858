"""The operator's own counters and histograms: how it works, not how jobs go.

One object, passed to everything that has something to count. Gauges about jobs are in `metrics`.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram

from finetune_api.v1alpha1 import FineTuneJobStatus
from finetune_api.v1alpha1.status import FINISHED_STATES
from finetune_operator.core.records import JobRecord
from finetune_operator.core.times import parse_time

OWN = "finetune_operator"
RECONCILE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
WAIT_BUCKETS = tuple(float(b) for b in (1, 2.5, *(5 * 2**n for n in range(14))))
DURATION_BUCKETS = tuple(60.0 * 2**n for n in range(13))


class Observers:
    """What is counted, by the names that dashboards and alerts use."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def count(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def spread(
            name: str, text: str, *labels: str, buckets: tuple[float, ...] = RECONCILE_BUCKETS
        ) -> Histogram:
            return Histogram(name, text, labels, buckets=buckets, registry=registry)

        self._reconciles = count(f"{OWN}_reconcile_total", "Looks at a job.", "result")
        self._errors = count(f"{OWN}_reconcile_errors_total", "Looks that failed.")
        self._reconcile_seconds = spread(f"{OWN}_reconcile_duration_seconds", "Time of a look.")
        self._queue_seconds = spread(
            f"{OWN}_queue_duration_seconds", "Time a job waited to be looked at."
        )
        self._requests = count(
            f"{OWN}_api_requests_total", "Requests; code 0 had no answer.", "verb", "code"
        )
        self._request_seconds = spread(
            f"{OWN}_api_request_duration_seconds", "Time of a request.", "verb"
        )
        self._reports = count(
            f"{OWN}_status_reports_total", "Progress reports, by what came of it.", "result"
        )
        self._repairs = count(
            f"{OWN}_sweep_repairs_total", "Objects that the watch had missed.", "kind"
        )
        self._created = count("finetune_jobs_created_total", "Jobs begun.", "namespace")
        self._finished = count(
            "finetune_jobs_finished_total", "Jobs ended.", "namespace", "method", "result", "reason"
        )
        self._duration_seconds = spread(
            "finetune_job_duration_seconds",
            "Time from the first attempt's start to the end.",
            "result",
            buckets=DURATION_BUCKETS,
        )
        self._wait_seconds = spread(
            "finetune_job_queue_wait_seconds",
            "Time from creation to the first attempt's start.",
            buckets=WAIT_BUCKETS,
        )
        self._first_step_seconds = spread(
            "finetune_job_time_to_first_step_seconds",
            "Time from creation to the first optimizer step heard of.",
            buckets=WAIT_BUCKETS,
        )

    def reconciled(self, result: str, seconds: float) -> None:
        """Count a look at a job."""
        self._reconciles.labels(result).inc()
        if result != "success":
            self._errors.inc()
        self._reconcile_seconds.observe(seconds)

    def queue_wait(self, seconds: float) -> None:
        """Count how long a key waited."""
        self._queue_seconds.observe(seconds)

    def requested(self, verb: str, status: int, seconds: float) -> None:
        """Count a request to the API server."""
        self._requests.labels(verb, str(status)).inc()
        self._request_seconds.labels(verb).observe(seconds)

    def reported(self, result: str) -> None:
        """Count an answer of a training pod."""
        self._reports.labels(result).inc()

    def repaired(self, kind: str) -> None:
        """Count an object that the watch had missed."""
        self._repairs.labels(kind).inc()

    def status_written(self, job: JobRecord, after: FineTuneJobStatus, now: float) -> None:
        """Count what a new status says: begun, started, first step, ended."""
        before = job.status
        namespace = job.key.namespace
        if before.state is None:
            self._created.labels(namespace).inc()
        if before.start_time is None and after.start_time is not None:
            started_at = parse_time(after.start_time) or now
            self._wait_seconds.observe(max(0.0, started_at - job.created_at))
        if not _has_stepped(before) and _has_stepped(after):
            self._first_step_seconds.observe(max(0.0, now - job.created_at))
        if before.state not in FINISHED_STATES and after.state in FINISHED_STATES:
            self._count_end(job, after)

    def _count_end(self, job: JobRecord, after: FineTuneJobStatus) -> None:
        method = job.job.spec.method.type if job.job else ""
        reason = after.failure.reason if after.failure else str(after.state)
        self._finished.labels(job.key.namespace, method, str(after.state), reason).inc()
        began_at, ended_at = parse_time(after.start_time), parse_time(after.completion_time)
        if began_at is not None and ended_at is not None:
            self._duration_seconds.labels(str(after.state)).observe(ended_at - began_at)


def _has_stepped(status: FineTuneJobStatus) -> bool:
    return status.progress is not None and bool(status.progress.step)
