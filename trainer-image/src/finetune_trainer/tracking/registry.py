"""The trackers, one line each: the field that asks for it, and how it is opened."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finetune_api.v1alpha1.tracking import Tracking
from finetune_trainer.tracking.event_files import FOLDER_NAME, EventFiles
from finetune_trainer.tracking.mlflow_runs import MlflowRun, open_client
from finetune_trainer.tracking.records import Facts, Tracker

Opener = Callable[[], Tracker]


@dataclass(frozen=True, slots=True)
class Order:
    """What a tracker is opened with.

    Attributes:
        wanted: spec.tracking.
        facts: what the run is about.
        checkpoints: the folder that survives attempts.
    """

    wanted: Tracking
    facts: Facts
    checkpoints: Path


@dataclass(frozen=True, slots=True)
class TrackerKind:
    """A tracker that a job can ask for.

    Attributes:
        name: for people.
        find: says how it is opened; None where nobody asked for it.
        knows_repeats: whether a point that it is told twice is there once.
    """

    name: str
    find: Callable[[Order], Opener | None]
    knows_repeats: bool


def find_event_files(order: Order) -> Opener | None:
    """Say how event files are opened; None where nobody asked for them."""
    if not order.wanted.tensor_board:
        return None
    return lambda: EventFiles(order.checkpoints / FOLDER_NAME, order.facts)


def find_mlflow(order: Order) -> Opener | None:
    """Say how the run at an MLflow server is opened; None where nobody named one."""
    wanted = order.wanted.mlflow
    if wanted is None:
        return None
    experiment = wanted.experiment_name or order.facts.experiment
    return lambda: MlflowRun(open_client(wanted.uri), order.facts, experiment)


TRACKERS = (
    TrackerKind("TensorBoard", find_event_files, knows_repeats=False),
    TrackerKind("MLflow", find_mlflow, knows_repeats=True),
)
