"""The state of the attempt, as others may see it: written by the training, read by the server.

Everything that is reported passes through here, from the main thread; the server's threads only
take snapshots. Numbers that are not finite are left out, since JSON has none.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from finetune_api.contract.progress import Phase, ProgressReport
from finetune_api.v1alpha1.status import HistoryPoint, Metric, Metrics, Resolved

MAX_POINTS = 200
MAX_WARNINGS = 10
DIGITS = 6
Measured = Literal["baseline", "best", "test_baseline", "test"]


@dataclass(slots=True)
class PhaseTimes:
    """Seconds spent in each phase so far."""

    seconds: dict[str, float] = field(default_factory=dict)
    phase: str = "Start"
    since: float = 0.0


class Board:
    """The progress report, kept up to date."""

    def __init__(self, job_uid: str, attempt: int, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._points: list[HistoryPoint] = []
        self._times = PhaseTimes(since=time.monotonic())
        self._report = ProgressReport(
            job_uid=job_uid, attempt=attempt, report_time=format_time(clock()), resolved=Resolved()
        )

    def enter(self, phase: Phase) -> None:
        """Say what the trainer does now; a sign of life as well."""
        if phase == self._report.phase:
            return
        now = time.monotonic()
        times = self._times
        times.seconds[times.phase] = times.seconds.get(times.phase, 0.0) + now - times.since
        times.phase, times.since = phase, now
        self.update(phase=phase, last_step_time=format_time(self._clock()))

    def update(self, **changes: Any) -> None:
        """Replace fields of the report."""
        known = {name: value for name, value in changes.items() if not _is_odd_number(value)}
        with self._lock:
            self._report = self._report.model_copy(update=known)

    def mark_step(self, **changes: Any) -> None:
        """Replace fields after a step, and note when it was."""
        self.update(last_step_time=format_time(self._clock()), **changes)

    def resolve(self, **changes: Any) -> None:
        """Add to what the job really runs with."""
        with self._lock:
            resolved = (self._report.resolved or Resolved()).model_copy(update=changes)
            self._report = self._report.model_copy(update={"resolved": resolved})

    def warn(self, *warnings: str) -> None:
        """Add to what the checks advise; the first ten are shown."""
        known = list(self._report.resolved.warnings) if self._report.resolved else []
        added = [warning for warning in dict.fromkeys(warnings) if warning not in known]
        self.resolve(warnings=(known + added)[:MAX_WARNINGS])

    def measure(self, kind: Measured, scores: Mapping[str, float]) -> None:
        """Report the metrics of the baseline, the best model or the test."""
        with self._lock:
            metrics = self._report.metrics or Metrics()
            metrics = metrics.model_copy(update={kind: to_metrics(scores)})
            self._report = self._report.model_copy(update={"metrics": metrics})

    def add_point(self, point: HistoryPoint) -> None:
        """Add to the learning curve; what was said of the same step before is completed.

        A curve that grows too long is thinned evenly: evaluations stay, every other log goes.
        """
        if self._points and self._points[-1].step == point.step:
            merged = self._points[-1].to_json_dict() | point.to_json_dict()
            self._points[-1] = HistoryPoint.model_validate(merged)
        else:
            self._points.append(point)
        if len(self._points) > MAX_POINTS:
            self._points = _thin(self._points)
        self.update(history=tuple(self._points))

    def restore_points(self, points: list[HistoryPoint]) -> None:
        """Take over the learning curve of the attempts before."""
        self._points = list(points)
        self.update(history=tuple(points))

    def snapshot(self) -> ProgressReport:
        """Give the report of this moment."""
        with self._lock:
            report = self._report
        return report.model_copy(
            update={
                "report_time": format_time(self._clock()),
                "cpu_seconds": round(time.process_time(), 1),
            }
        )

    def phase_seconds(self) -> dict[str, float]:
        """Give the seconds spent in each phase, the present one included."""
        times = self._times
        running = time.monotonic() - times.since
        return times.seconds | {times.phase: times.seconds.get(times.phase, 0.0) + running}


def to_metrics(scores: Mapping[str, float]) -> list[Metric]:
    """Put scores into the form of the status."""
    return [
        Metric(name=name, value=round(value, DIGITS))
        for name, value in scores.items()
        if math.isfinite(value)
    ]


def format_time(seconds: float) -> str:
    """Give a time as RFC 3339, in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _is_odd_number(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _thin(points: list[HistoryPoint]) -> list[HistoryPoint]:
    kept = [p for i, p in enumerate(points) if i % 2 == 0 or p.evaluation_loss is not None]
    # Hundreds of evaluations: then they are thinned too, the last point always stays.
    return kept if len(kept) <= MAX_POINTS else [*kept[:-1][::2], kept[-1]]
