"""One attempt from beginning to end: the order of the phases, and nothing else.

`__main__` is the only caller. What is cheap to refuse comes first: the destination, the data, the
recipe, the files of the model. torch is imported after all of that, since it alone takes seconds
and the GPU it then holds costs money.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1.status import Artifact
from finetune_trainer import runtime
from finetune_trainer.checkpoints import pins
from finetune_trainer.checkpoints.pins import Pins
from finetune_trainer.data.loading import Data, load_data
from finetune_trainer.export.exporters import export_model
from finetune_trainer.export.results import find_result, list_artifacts
from finetune_trainer.models.sources import Pretrained, fetch_model
from finetune_trainer.places import Places, find_places
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.settings import Settings
from finetune_trainer.tasks.registry import find_task
from finetune_trainer.training.plans import Plan, find_recipe_warnings, plan_steps

logger = logging.getLogger(__name__)
MAX_LABELS_REPORTED = 20


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that is done and sealed.

    Attributes:
        report: the last report.
        artifacts: what it leaves.
        message: one line for people.
    """

    report: ProgressReport
    artifacts: list[Artifact]
    message: str


@dataclass(frozen=True, slots=True)
class Equipment:
    """What an attempt runs with, besides the job.

    Attributes:
        settings: the environment.
        board: the report.
        instruments: the metrics for Prometheus.
        preemption: whether to leave.
    """

    settings: Settings
    board: Board
    instruments: Instruments
    preemption: Preemption


def run(job: ResolvedJob, equipment: Equipment) -> Finished:
    """Train as the job says, or find that it was done already.

    Raises:
        TrainerError: it cannot be done, or not now.
    """
    places = find_places(job, equipment.settings)
    done = find_result(places.output, job)
    if done is not None:
        logger.info("attempt %d finished this job already", done.attempt)
        return _finish(places, job, done.report)
    prepared = _prepare(job, places, equipment)
    _train_and_export(job, places, prepared, equipment)
    equipment.board.enter("Done")
    return _finish(places, job, equipment.board.snapshot())


@dataclass(frozen=True, slots=True)
class _Prepared:
    data: Data
    plan: Plan
    pretrained: Pretrained


def _prepare(job: ResolvedJob, places: Places, equipment: Equipment) -> _Prepared:
    """Do all that needs no torch."""
    spec, settings, board = job.spec, equipment.settings, equipment.board
    runtime.prepare_hub(settings)
    earlier = pins.read_pins(places.checkpoints)
    board.enter("Validate")
    needs = find_task(spec.task).find_needs(spec.dataset)
    data = load_data(spec.dataset, needs, spec.training.seed, settings, earlier.dataset_revisions)
    pins.hold_to_pins(earlier, data.fingerprint)
    plan = plan_steps(spec, len(data.parts["train"]))
    _report_plan(job, data, plan, board)
    equipment.preemption.check()
    board.enter("Load")
    pretrained = fetch_model(spec.model, settings, earlier.model_commit)
    board.resolve(model_revision=pretrained.revision)
    found = Pins(pretrained.revision, data.fingerprint, data.revisions)
    if found != earlier:
        pins.write_pins(places.checkpoints, found)
    equipment.preemption.check()
    return _Prepared(data, plan, pretrained)


def _train_and_export(
    job: ResolvedJob, places: Places, prepared: _Prepared, equipment: Equipment
) -> None:
    runtime.prepare_for_torch(equipment.settings)
    # Imported here and not above: it brings torch, which must find the environment set.
    from finetune_trainer.training import assembly, attempts

    board = equipment.board
    context = assembly.Context(
        job=job,
        task=find_task(job.spec.task),
        data=prepared.data,
        plan=prepared.plan,
        pretrained=prepared.pretrained,
        checkpoints=places.checkpoints,
        board=board,
        instruments=equipment.instruments,
        preemption=equipment.preemption,
    )
    attempt = assembly.open_attempt(context)
    board.enter("Baseline")
    attempts.measure_baseline(attempt)
    attempts.train(attempt)
    attempts.test(attempt)
    equipment.preemption.check()
    board.enter("Export")

    def save_model(folder: Path) -> None:
        attempt.loaded.model.save_pretrained(folder)
        attempt.processor.save_pretrained(folder)

    export_model(places.output, job, board.snapshot(), save_model)


def _report_plan(job: ResolvedJob, data: Data, plan: Plan, board: Board) -> None:
    board.update(maximum_steps=plan.maximum_steps)
    board.resolve(
        dataset_fingerprint=data.fingerprint,
        config_hash=job.config_hash,
        seed=job.spec.training.seed,
        effective_batch_size=plan.effective_batch_size,
        learning_rate=job.spec.training.learning_rate,
        rows=data.count_rows(),
        labels=list(data.labels)[:MAX_LABELS_REPORTED] or None,
    )
    board.warn(*find_recipe_warnings(job.spec, plan), *data.warnings)


def _finish(places: Places, job: ResolvedJob, report: ProgressReport) -> Finished:
    metrics = report.metrics
    shown = (metrics.test or metrics.best or []) if metrics else []
    scores = ", ".join(f"{metric.name} {metric.value:.4f}" for metric in shown[:2])
    stopping = report.early_stopping
    ended = f"stopped early at step {report.step}" if stopping and stopping.stopped else "trained"
    return Finished(
        report, list_artifacts(places.output, job), f"{ended}: {scores}" if scores else ended
    )
