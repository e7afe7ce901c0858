"""The state of the attempt, as others may see it: written by the training, read by the server.

Everything that is reported passes through here, from the main thread; the server's threads only
take snapshots. Numbers that are not finite are left out, since JSON has none.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from finetune_api.contract.progress import Phase, ProgressReport
from finetune_api.v1alpha1.status import (
    FoldMetric,
    ForgettingMetric,
    HistoryPoint,
    Metric,
    Metrics,
    Resolved,
    SliceGap,
)
from finetune_trainer.reporting.stages import Stage

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


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of life.

    Attributes:
        count: signs so far.
        phase: what the trainer does.
        is_stepping: whether the phase has shown a step: then only more of them are signs.
    """

    count: int
    phase: Phase
    is_stepping: bool


class Board:
    """The progress report, kept up to date."""

    def __init__(
        self,
        job_uid: str,
        attempt: int,
        clock: Callable[[], float] = time.time,
        clean: Callable[[str], str] = str,
    ) -> None:
        """Begin a report.

        Args:
            job_uid: of the FineTuneJob.
            attempt: its number.
            clock: gives the time.
            clean: takes out of a warning what nobody may see; libraries quote what they are given.
        """
        self._clock = clock
        self._clean = clean
        self._lock = threading.Lock()
        self._points: list[HistoryPoint] = []
        self._times = PhaseTimes(since=time.monotonic())
        self._stage = Stage()
        self._signs = 0
        self._stepping: set[str] = set()
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

    def begin(self, stage: Stage, maximum_steps: int) -> None:
        """Begin one of several trainings of the job; what was said of another one is forgotten."""
        self._stage = stage.after_seconds(self._report.train_seconds or 0.0)
        self._stepping.clear()
        self.update(
            fold=stage.fold,
            step=0,
            maximum_steps=maximum_steps,
            epoch=None,
            loss=None,
            evaluation_loss=None,
            eta_seconds=None,
            early_stopping=None,
        )

    @property
    def steps_after(self) -> int:
        """The steps that other trainings of the job may take after the present one."""
        return self._stage.steps_after

    @property
    def train_seconds(self) -> float:
        """The seconds that the present training has trained, over all attempts."""
        return (self._report.train_seconds or 0.0) - self._stage.seconds_before

    def update(self, **changes: Any) -> None:
        """Replace fields of the report."""
        placed = self._stage.place(changes)
        known = {name: value for name, value in placed.items() if not _is_odd_number(value)}
        with self._lock:
            self._signs += 1
            self._report = self._report.model_copy(update=known)

    def mark_step(self, **changes: Any) -> None:
        """Replace fields after a step, and note when it was."""
        self._stepping.add(self._report.phase)
        self.update(last_step_time=format_time(self._clock()), **changes)

    def read_sign(self) -> Sign:
        """Give the last sign of life, for the watch over stalls."""
        with self._lock:
            phase = self._report.phase
            return Sign(self._signs, phase, phase in self._stepping)

    def resolve(self, **changes: Any) -> None:
        """Add to what the job really runs with."""
        with self._lock:
            resolved = (self._report.resolved or Resolved()).model_copy(update=changes)
            self._report = self._report.model_copy(update={"resolved": resolved})

    def warn(self, *warnings: str) -> None:
        """Add to what the checks advise; the first ten are shown."""
        known = list(self._report.resolved.warnings) if self._report.resolved else []
        added = self._stage.find_news(tuple(map(self._clean, warnings)), known)
        self.resolve(warnings=(known + added)[:MAX_WARNINGS])

    def measure(self, kind: Measured, scores: Mapping[str, float]) -> None:
        """Report the metrics of the baseline, the best model or the test.

        Those of a single fold are not reported: they are no model's that is kept.
        """
        if self._stage.is_fold:
            return
        with self._lock:
            metrics = self._report.metrics or Metrics()
            metrics = metrics.model_copy(update={kind: to_metrics(scores)})
            self._report = self._report.model_copy(update={"metrics": metrics})

    def measure_folds(self, metrics: Sequence[FoldMetric]) -> None:
        """Report mean and spread over the folds so far."""
        with self._lock:
            known = self._report.metrics or Metrics()
            known = known.model_copy(update={"folds": list(metrics)})
            self._report = self._report.model_copy(update={"metrics": known})

    def compare(
        self,
        *,
        forgetting: Sequence[ForgettingMetric] | None = None,
        slices: Sequence[SliceGap] | None = None,
    ) -> None:
        """Report what was forgotten, or how far groups are apart."""
        found = {"forgetting": forgetting, "slices": slices}
        known = {name: list(values) for name, values in found.items() if values is not None}
        with self._lock:
            metrics = (self._report.metrics or Metrics()).model_copy(update=known)
            self._report = self._report.model_copy(update={"metrics": metrics})

    def take_over(self, report: ProgressReport) -> None:
        """Say what an earlier attempt said at its end; the attempt stays the present one."""
        with self._lock:
            update = {"attempt": self._report.attempt, "job_uid": self._report.job_uid}
            self._report = report.model_copy(update=update)

    def add_point(self, point: HistoryPoint) -> None:
        """Add to the learning curve; what was said of the same step before is completed.

        A curve that grows too long is thinned evenly: evaluations stay, every other log goes.
        """
        point = self._stage.place_point(point)
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
