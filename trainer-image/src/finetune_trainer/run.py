"""One attempt from beginning to end: the order of the phases, and nothing else.

`__main__` is the only caller. What is cheap to refuse comes first: the destination, the data, the
recipe, the files of the model. torch is imported after all of that, since it alone takes seconds
and the GPU it then holds costs money.
"""

import json
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from finetune_api.contract.progress import ProgressReport
from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1.status import Artifact, Metrics
from finetune_trainer import runtime
from finetune_trainer.checkpoints import fences, pins
from finetune_trainer.checkpoints.befores import read_before
from finetune_trainer.checkpoints.fences import Fence
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.pins import Pins
from finetune_trainer.checkpoints.writers import Writers, allow
from finetune_trainer.data.folds import Folds, find_fold_warnings, find_folds
from finetune_trainer.data.inspections import Inspection
from finetune_trainer.data.loading import Data, load_data
from finetune_trainer.distribution.ranks import ALONE, Ranks
from finetune_trainer.errors import QualityGateError, TransientError
from finetune_trainer.evaluation import slices
from finetune_trainer.evaluation.materials import Materials, fetch_rival, find_materials
from finetune_trainer.export.exporters import export_model
from finetune_trainer.export.results import (
    FOLDS_NAME,
    find_result,
    list_artifacts,
    list_rejected,
    name_rejected,
)
from finetune_trainer.models.hub import staying_offline
from finetune_trainer.models.sources import Pretrained, fetch_model
from finetune_trainer.places import Places, find_places
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.settings import Settings
from finetune_trainer.stores.publishing import Publisher, open_publisher, publish_model
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
        ranks: the processes that train together.
    """

    settings: Settings
    board: Board
    instruments: Instruments
    preemption: Preemption
    ranks: Ranks = ALONE


def run(job: ResolvedJob, equipment: Equipment) -> Finished:
    """Train as the job says, or find that it was done already.

    Raises:
        TrainerError: it cannot be done, or not now.
    """
    ranks = equipment.ranks
    places = ranks.lead(lambda: find_places(job, equipment.settings))
    with ExitStack() as stack:
        held: list[Fence] = []
        ranks.lead(lambda: held.append(stack.enter_context(_hold_fence(places, equipment))))
        may_publish = held[0].verify if held else allow  # the other ranks publish nothing
        return _run_fenced(job, places, equipment, may_publish)


def _hold_fence(places: Places, equipment: Equipment) -> AbstractContextManager[Fence]:
    owner = fences.describe_owner(equipment.settings.pod_uid)
    # Another pod that lives may be leaving: so long that takes at most.
    pace = fences.Pace(patience_seconds=equipment.settings.grace_seconds)
    return fences.holding(places.checkpoints, owner, equipment.preemption.check, pace)


def _run_fenced(
    job: ResolvedJob, places: Places, equipment: Equipment, may_publish: Callable[[], None]
) -> Finished:
    """Run while no other pod of this job writes."""
    ranks = equipment.ranks
    runtime.prepare_hub(equipment.settings)
    publisher = open_publisher(job) if ranks.seat.is_leader else None
    done = ranks.lead(lambda: find_result(places.output, job))
    if done is None:
        _refuse_what_was_rejected(job, places, equipment)
    ranks.lead(lambda: publisher.prepare() if publisher else None)
    if done is not None:
        logger.info("attempt %d finished this job already", done.attempt)
        return ranks.lead(lambda: _finish(job, places, equipment, publisher, done.report))
    prepared = ranks.take_turns(lambda: _prepare(job, places, equipment))
    _compare_findings(prepared, ranks)
    with staying_offline():
        _train_and_export(job, places, prepared, equipment, may_publish)
    _refuse_what_was_rejected(job, places, equipment)
    return ranks.lead(lambda: _finish(job, places, equipment, publisher))


def _compare_findings(prepared: "_Prepared", ranks: Ranks) -> None:
    """Make sure that all ranks have the same files: a hub may change between two pods' downloads.

    Raises:
        TransientError: they differ; another attempt holds to what the leader has pinned.
    """
    found = (prepared.pretrained.revision, prepared.data.fingerprint)
    if ranks.agree(ranks.lead(lambda: found) != found):
        raise TransientError(
            "the ranks found different versions of model or data: they changed while the pods"
            " started"
        )


def _refuse_what_was_rejected(job: ResolvedJob, places: Places, equipment: Equipment) -> None:
    """Fail with the verdict that is sealed with a rejected model; another attempt finds it, too."""
    rejected = equipment.ranks.lead(lambda: find_result(places.rejected, job))
    if rejected is None:
        return
    equipment.board.take_over(rejected.report)
    raise QualityGateError(
        f"{'; '.join(rejected.complaints)}. The model is kept in"
        f" {name_rejected(job)} and was not published",
        artifacts=list_rejected(places.rejected, job),
    )


@dataclass(frozen=True, slots=True)
class _Prepared:
    data: Data
    inspection: Inspection
    folds: Folds
    materials: Materials
    plan: Plan
    pretrained: Pretrained


def _prepare(job: ResolvedJob, places: Places, equipment: Equipment) -> _Prepared:
    """Do all that needs no torch."""
    spec, settings, board = job.spec, equipment.settings, equipment.board
    earlier = pins.read_pins(places.checkpoints)
    board.enter("Validate")
    task = find_task(spec.task)
    needs = slices.ask_for_columns(
        task.find_needs(spec.dataset), spec.dataset, spec.evaluation.slices
    )
    data = load_data(spec.dataset, needs, spec.training.seed, settings, earlier.dataset_revisions)
    pins.hold_to_pins(earlier, data.fingerprint)
    inspection = Inspection(data, needs, places.checkpoints)
    folds = find_folds(spec.dataset, needs, data)
    # What is planned and judged is the training of a fold; that on all rows follows from them.
    plan = plan_steps(spec, len(data.parts["train"]) - min(map(len, folds), default=0))
    materials = find_materials(spec, task, needs, data, settings)
    board.warn(*find_fold_warnings(needs, data, folds), *materials.warnings)
    _report_plan(job, data, plan, board)
    equipment.preemption.check()
    board.enter("Load")
    revisions = dict(materials.revisions)
    pretrained = fetch_model(spec.model, settings, earlier.model_commit, revisions)
    board.resolve(model_revision=pretrained.revision)
    identity = Identity(job.uid, job.config_hash, data.fingerprint)
    known = read_before(places.checkpoints, identity, materials.general_fingerprint)
    rival = fetch_rival(spec.evaluation, known, data.labels, settings)
    found = Pins(pretrained.revision, data.fingerprint, revisions)
    if found != earlier and equipment.ranks.seat.is_leader:
        pins.write_pins(places.checkpoints, found)
    equipment.preemption.check()
    return _Prepared(data, inspection, folds, replace(materials, rival=rival), plan, pretrained)


def _train_and_export(
    job: ResolvedJob,
    places: Places,
    prepared: _Prepared,
    equipment: Equipment,
    may_publish: Callable[[], None],
) -> None:
    runtime.prepare_for_torch(equipment.settings)
    # Imported here and not above: it brings torch, which must find the environment set.
    from finetune_trainer.export import models
    from finetune_trainer.training import assembly, attempts, cross_validation, examinations

    board, ranks = equipment.board, equipment.ranks
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
        inspection=prepared.inspection,
        writers=Writers(ranks, may_publish),
    )
    summary = None
    if prepared.folds:
        summary = cross_validation.cross_validate(context, prepared.folds)
        context = cross_validation.prepare_refit(context, summary)
        board.enter("Load")
    attempt = assembly.open_attempt(context)
    ranks.lead(partial(models.try_formats, attempts.make_whole(attempt)))
    board.enter("Baseline")
    attempts.measure_baseline(attempt)
    with attempt.loaded.untouched():
        before = examinations.examine_before(attempt, prepared.materials)
    attempts.train(attempt)
    judgement = attempts.judge(attempt)
    findings = examinations.examine(attempt, prepared.materials, before, judgement)
    equipment.preemption.check()
    board.enter("Export")
    trained = attempts.make_whole(attempt)

    def save_model(folder: Path) -> None:
        models.write_model(trained, folder)
        prepared.inspection.write(folder)
        if summary is not None:
            (folder / FOLDS_NAME).write_text(json.dumps(summary.to_json_dict(), indent=2) + "\n")

    may_publish()
    destination = places.rejected if findings.complaints else places.output
    ranks.lead(lambda: export_model(destination, job, board.snapshot(), save_model, findings))


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


def _finish(
    job: ResolvedJob,
    places: Places,
    equipment: Equipment,
    publisher: Publisher | None,
    report: ProgressReport | None = None,
) -> Finished:
    """Publish what is sealed, and sum up.

    Args:
        job: what was asked for.
        places: where it was sealed.
        equipment: what the attempt runs with.
        publisher: of a destination that is no volume.
        report: of the attempt that trained, where it was an earlier one.
    """
    revision = None
    if publisher is not None:
        check = equipment.preemption.check
        revision = publish_model(publisher, job, places.output, check)
    if report is None:
        equipment.board.enter("Done")
        report = equipment.board.snapshot()
    message = _sum_up(report)
    return Finished(report, list_artifacts(places.output, job, revision), message)


def _sum_up(report: ProgressReport) -> str:
    metrics = report.metrics or Metrics()
    shown = [f"{metric.name} {metric.value:.4f}" for metric in metrics.test or metrics.best or ()]
    spread = [
        f"{metric.name} {metric.mean:.4f} ± {metric.standard_deviation:.4f} over"
        f" {metric.folds} folds"
        for metric in metrics.folds or ()
    ]
    scores = ", ".join([*shown[:2], *spread[:2]])
    stopping = report.early_stopping
    ended = f"stopped early at step {report.step}" if stopping and stopping.stopped else "trained"
    return f"{ended}: {scores}" if scores else ended
