"""Trackers that remember, refuse or hang, and a stand-in for MLflow's client."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from finetune_trainer.tracking.records import Ending, Facts, Point, Start, TrackingError

FACTS = Facts(
    name="reviews",
    uid="uid-1",
    experiment="default/reviews",
    parameters={"training.learningRate": "2e-05", "task": "TextClassification"},
    tags={"finetune.dev/job-uid": "uid-1", "finetune.dev/attempt": "1"},
)


def a_point(step: int, stage: str = "", **values: float) -> Point:
    """Give a point; without values, a loss."""
    return Point(stage, step, values or {"loss": 1.0 / (step + 1)}, 1000.0 + step)


@dataclass
class FakeTracker:
    """Remembers what it was told, unless it is out of order.

    Attributes:
        told: the records, in order.
        calls: of `write`.
        errors: raised first, one for each call.
        gate: every call waits for it.
    """

    told: list[Any] = field(default_factory=list)
    calls: int = 0
    errors: list[Exception] = field(default_factory=list)
    gate: threading.Event | None = None

    def begin(self, start: Start) -> None:
        """Take the beginning."""
        self._take([start])

    def write(self, points: Sequence[Point]) -> None:
        """Take points."""
        self.calls += 1
        self._take(points)

    def end(self, ending: Ending) -> None:
        """Take the ending."""
        self._take([ending])

    @property
    def steps(self) -> list[int]:
        """The steps of the points that were taken."""
        return [record.step for record in self.told if isinstance(record, Point)]

    def _take(self, records: Sequence[Any]) -> None:
        if self.gate is not None:
            self.gate.wait(30)
        if self.errors:
            raise self.errors.pop(0)
        self.told.extend(records)


def an_outage(count: int, *, is_final: bool = False) -> list[Exception]:
    """Give so many errors of a tracker that is down."""
    return [TrackingError("it is down", "Mend it", is_final=is_final) for _ in range(count)]


class FakeMlflow:
    """Keeps runs as a server would, behind the methods of MLflow's client."""

    def __init__(self) -> None:
        self.experiments: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.runs: list[Any] = []
        self.metrics: dict[str, list[Any]] = {}
        self.files: list[str] = []
        self.problem: Callable[[str], Exception | None] = lambda method: None

    def get_experiment_by_name(self, name: str) -> Any:
        self._check("get_experiment_by_name")
        found = self.experiments.get(name)
        stage = "deleted" if name in self.deleted else "active"
        return found and SimpleNamespace(experiment_id=found, lifecycle_stage=stage)

    def create_experiment(self, name: str) -> str:
        self._check("create_experiment")
        return self.experiments.setdefault(name, str(len(self.experiments) + 1))

    def search_runs(self, experiments: list[str], query: str, max_results: int) -> list[Any]:
        self._check("search_runs")
        key, _, value = query.removeprefix("tags.`").partition("` = ")
        wanted = value.strip("'")
        found = [
            run
            for run in reversed(self.runs)
            if run.info.experiment_id in experiments and run.data.tags.get(key) == wanted
        ]
        return found[:max_results]

    def create_run(self, experiment: str, tags: dict[str, str], run_name: str) -> Any:
        self._check("create_run")
        info = SimpleNamespace(
            run_id=f"run-{len(self.runs) + 1}",
            run_name=run_name,
            experiment_id=experiment,
            status="RUNNING",
        )
        run = SimpleNamespace(info=info, data=SimpleNamespace(tags=dict(tags), params={}))
        run.data.metrics = {}
        self.runs.append(run)
        return run

    def update_run(self, run_id: str, status: str) -> None:
        self._find(run_id).info.status = status

    def set_tag(self, run_id: str, key: str, value: str) -> None:
        self._find(run_id).data.tags[key] = value

    def log_batch(
        self, run_id: str, metrics: Sequence[Any] = (), params: Sequence[Any] = ()
    ) -> None:
        self._check("log_batch")
        run = self._find(run_id)
        for param in params:
            assert run.data.params.setdefault(param.key, param.value) == param.value
        for metric in metrics:
            run.data.metrics[metric.key] = metric.value
            self.metrics.setdefault(f"{run_id}/{metric.key}", []).append(metric)

    def get_metric_history(self, run_id: str, key: str) -> list[Any]:
        return list(self.metrics.get(f"{run_id}/{key}", []))

    def log_artifact(self, run_id: str, path: str) -> None:
        self._check("log_artifact")
        self.files.append(path.rpartition("/")[2])

    def set_terminated(self, run_id: str, status: str) -> None:
        self._check("set_terminated")
        self._find(run_id).info.status = status

    def list_steps(self, key: str, run: int = 1) -> list[int]:
        """Give the steps of a metric, as they came."""
        return [metric.step for metric in self.metrics.get(f"run-{run}/{key}", [])]

    def _check(self, method: str) -> None:
        if (problem := self.problem(method)) is not None:
            raise problem

    def _find(self, run_id: str) -> Any:
        return next(run for run in self.runs if run.info.run_id == run_id)
