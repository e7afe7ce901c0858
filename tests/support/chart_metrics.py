"""The metrics that operator and trainer export, with their labels: read from what they serve.

A board or an alert about a metric that nobody exports is empty for ever and nobody is told, so the
tests of both come here. One job that has everything stands for all jobs.
"""

from functools import cache
from typing import Any, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from finetune_api.contract.progress import ProgressReport
from finetune_api.v1alpha1.status import (
    CheckpointStatus,
    ConditionType,
    EarlyStoppingStatus,
    Metric,
    Metrics,
)
from finetune_operator.core.records import read_job
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.metrics import JobCollector, Snapshot
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from manifests import build_manifest

Exported = dict[str, dict[str, frozenset[str]]]
"""By the name of a metric: its labels, each with the values that it had."""

TIME = "2026-01-01T00:00:00Z"
FROM_THE_POD_MONITOR = ("namespace", "name", "pod")
"""What Prometheus adds to a training pod's metrics; `name` by the PodMonitor's relabelling."""
CLOSED_LABELS = ("condition", "status")
"""Labels whose values are few and known; the others are names that users give."""


@cache
def list_metrics() -> Exported:
    """Give every metric that a board or an alert may ask for."""
    return list_operator_metrics() | list_trainer_metrics()


def list_operator_metrics() -> Exported:
    """Give what the operator serves about a job."""
    snapshot = Snapshot(read_job(build_finished_job()), build_report(), reported_at=1.0)
    collector: Any = JobCollector([snapshot], Settings(), now=0.0)
    return read_labels(collector)


def list_trainer_metrics() -> Exported:
    """Give what a training pod serves when its report is complete."""
    board = Board(job_uid="uid", attempt=1)
    board.update(**dict(build_report()))
    served = read_labels(Instruments(board).registry)
    added: dict[str, frozenset[str]] = {label: frozenset() for label in FROM_THE_POD_MONITOR}
    return {name: labels | added for name, labels in served.items()}


def read_labels(source: Collector | CollectorRegistry) -> Exported:
    """Give the labels of each sample that there is now."""
    found: Exported = {}
    for family in source.collect():
        for sample in family.samples:
            seen = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                seen[label] = seen.get(label, frozenset()) | {value}
    return found


def build_finished_job() -> dict[str, Any]:
    """Give a job that stopped early and has every condition, as the API server holds it."""
    manifest = build_manifest()
    manifest["metadata"] |= {"uid": "uid", "resourceVersion": "1", "generation": 1}
    condition = {
        "status": "True",
        "reason": "Because",
        "message": "",
        "lastTransitionTime": TIME,
        "observedGeneration": 1,
    }
    manifest["status"] = {
        "state": "EarlyStopped",
        "conditions": [condition | {"type": kind} for kind in get_args(ConditionType)],
        "startTime": TIME,
        "completionTime": TIME,
        "attempts": {"started": 1},
    }
    return manifest


def build_report() -> ProgressReport:
    """Give a report in which nothing is missing."""
    measured = [Metric(name="f1", value=0.5)]
    return ProgressReport(
        job_uid="uid",
        attempt=1,
        step=1,
        maximum_steps=2,
        epoch=0.5,
        loss=0.7,
        evaluation_loss=0.6,
        learning_rate=2e-5,
        gradient_norm=1.0,
        samples_per_second=10.0,
        tokens_per_second=1000.0,
        eta_seconds=1.0,
        report_time=TIME,
        last_step_time=TIME,
        checkpoint=CheckpointStatus(step=1),
        early_stopping=EarlyStoppingStatus(metric="f1", best=0.5, patience_remaining=3),
        metrics=Metrics(baseline=measured, best=measured, test_baseline=measured, test=measured),
    )
