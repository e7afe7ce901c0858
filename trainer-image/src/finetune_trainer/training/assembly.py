"""Puts an attempt together: model, rows, Trainer, callbacks, checkpoints. Needs torch.

`run` opens an attempt here, `attempts` works with it. A new callback is one line in `_assemble`.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import transformers

from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1.metrics import is_greater_better
from finetune_api.v1alpha1.status import Parameters
from finetune_trainer import runtime
from finetune_trainer.callbacks.divergence import GuardAgainstDivergence
from finetune_trainer.callbacks.early_stopping import StopEarly
from finetune_trainer.callbacks.loss_sums import KeepLossSum
from finetune_trainer.callbacks.overfitting import WarnOfOverfitting
from finetune_trainer.callbacks.preemption import LeaveWhenPreempted
from finetune_trainer.callbacks.refits import StopAtStep
from finetune_trainer.callbacks.reporting import ReportProgress
from finetune_trainer.callbacks.tracking import TellTrackers
from finetune_trainer.callbacks.unfreezing import UnfreezeGradually
from finetune_trainer.checkpoints.best import BestKeeper, Ranking
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.store import CheckpointStore
from finetune_trainer.checkpoints.writers import Writers
from finetune_trainer.data.inspections import Inspection
from finetune_trainer.data.loading import Data
from finetune_trainer.data.tables import Part
from finetune_trainer.distribution.ranks import Ranks
from finetune_trainer.distribution.sharding import shard
from finetune_trainer.models.loading import Loaded, load_model
from finetune_trainer.models.processors import load_processor
from finetune_trainer.models.prompts import count_virtual_tokens
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.models.stillness import Stillness
from finetune_trainer.models.unfreezing import plan_unfreezing
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Rows, Scores, Task
from finetune_trainer.tracking.trackings import NO_TRACKING, Tracking
from finetune_trainer.training.arguments import build_arguments
from finetune_trainer.training.compilation import check_compiler
from finetune_trainer.training.encoding import (
    EncodingFacts,
    choose_max_length,
    find_encoding_warnings,
    find_padding_warnings,
)
from finetune_trainer.training.learned_rows import LEARNED_PARTS, renew_each_epoch
from finetune_trainer.training.memory_limits import check_memory
from finetune_trainer.training.orders import measure_padding, order_for_training
from finetune_trainer.training.plans import Plan, plan_steps
from finetune_trainer.training.sharded_trainers import ShardedTrainer
from finetune_trainer.training.stopping import Policy
from finetune_trainer.training.trainers import FineTuneTrainer, Parts

logger = logging.getLogger(__name__)
BYTES_PER_NUMBER = 4
OPTIMIZER_STATES_PER_WEIGHT = 2


@dataclass(frozen=True, slots=True)
class Context:
    """What every part of an attempt may need.

    Attributes:
        job: the resolved job.
        task: what is learned.
        data: checked and split.
        plan: the steps.
        pretrained: the model's files.
        checkpoints: the folder of checkpoints.
        board: the report.
        instruments: the metrics for Prometheus.
        preemption: whether to leave.
        inspection: what was found out about the data.
        writers: the processes that train together, and write to the checkpoints.
        tracking: the trackers that are told.
    """

    job: ResolvedJob
    task: Task
    data: Data
    plan: Plan
    pretrained: Pretrained
    checkpoints: Path
    board: Board
    instruments: Instruments
    preemption: Preemption
    inspection: Inspection
    writers: Writers
    tracking: Tracking = NO_TRACKING

    @property
    def ranks(self) -> Ranks:
        """The processes that train together."""
        return self.writers.ranks

    @property
    def identity(self) -> Identity:
        """Whose checkpoints these are."""
        return Identity(self.job.uid, self.job.config_hash, self.data.fingerprint)

    def choose_scores(self, scores: Scores) -> Scores:
        """Keep the metrics that were asked for, in the order of the task."""
        wanted = self.job.spec.evaluation.metrics or self.task.metrics
        # A guess that is no model has no loss.
        return {n: scores[n] for n in self.task.metrics if n in wanted and n in scores}


@dataclass(frozen=True, slots=True)
class Attempt:
    """A model, its rows and the Trainer that brings them together."""

    context: Context
    loaded: Loaded
    processor: Any
    rows: dict[str, Rows]
    trainer: FineTuneTrainer
    store: CheckpointStore
    keeper: BestKeeper
    stopping: StopEarly


def open_attempt(context: Context) -> Attempt:
    """Load the model, encode the rows, and put the Trainer together."""
    spec = context.job.spec
    transformers.utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    machine = runtime.prepare_torch(
        spec.training.precision, spec.resources.gpus_per_node, spec.training.seed
    )
    check_compiler(spec.training, machine.device)
    task, data = context.task, context.data
    processor = load_processor(task.processor, context.pretrained, data.parts["train"])
    loaded = load_model(context.pretrained, spec, task, data.labels, processor)
    if context.task.processor == "Tokenizer":
        loaded.model.config.pad_token_id = processor.pad_token_id
    context.preemption.check()
    settings = _choose_settings(context, processor, loaded)
    rows = _encode(context, processor, settings)
    _inspect(context, processor, settings, rows)
    context = _plan_features(context, rows["train"])
    rows["train"] = _renew(context, processor, settings, rows["train"])
    _report_resolved(context, loaded, machine)
    if task.processor == "Tokenizer":
        context.board.warn(*check_memory(spec, loaded, rows["train"], machine, context.board))
    context.preemption.check()
    return _assemble(context, loaded, processor, Inputs(settings, rows), machine)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What goes into the model.

    Attributes:
        settings: how rows are encoded.
        rows: the rows of each part, encoded.
    """

    settings: EncodeSettings
    rows: dict[str, Rows]


def _choose_settings(context: Context, processor: Any, loaded: Loaded) -> EncodeSettings:
    spec = context.job.spec
    max_length = choose_max_length(
        spec.training.max_length,
        processor,
        loaded.model.config,
        count_virtual_tokens(spec.method),
    )
    return EncodeSettings(spec, context.data.labels, max_length, loaded.model.config)


def _encode(context: Context, processor: Any, settings: EncodeSettings) -> dict[str, Rows]:
    rows = {
        name: Rows(
            part,
            context.task.encode(part, processor, replace(settings, is_training=name == "train")),
        )
        for name, part in context.data.parts.items()
        if name == "train" or name not in LEARNED_PARTS
    }
    context.board.warn(*(w for part in rows.values() for w in part.encoded.warnings))
    return rows


def _renew(context: Context, processor: Any, settings: EncodeSettings, train: Rows) -> Rows:
    def encode(part: Part) -> Encoded:
        return context.task.encode(part, processor, replace(settings, is_training=True))

    return renew_each_epoch(train, context.data.parts, encode, context.job.spec, context.plan)


def _inspect(
    context: Context, processor: Any, settings: EncodeSettings, rows: dict[str, Rows]
) -> None:
    """Look at the rows as the model takes them, and say what is unwise."""
    inspection, train = context.inspection, rows["train"]
    tokenizer = processor if context.task.processor == "Tokenizer" else None
    if inspection.covers(train.part):
        inspection.look_closer({name: found.encoded for name, found in rows.items()}, tokenizer)
    if tokenizer is not None:
        facts = EncodingFacts(
            train.encoded, len(train.part), settings.max_length, inspection.report.domain
        )
        context.board.warn(*find_encoding_warnings(facts))


def _plan_features(context: Context, train: Rows) -> Context:
    """Plan anew where rows became more features, such as windows, or fewer, such as packs."""
    if len(train) == len(train.part):
        return context
    plan = plan_steps(context.job.spec, len(train))
    context.board.update(maximum_steps=plan.maximum_steps)
    return replace(context, plan=replace(plan, refit_steps=context.plan.refit_steps))


def _report_resolved(context: Context, loaded: Loaded, machine: runtime.Machine) -> None:
    total, trainable = loaded.count_parameters()
    context.board.resolve(
        precision=machine.precision, parameters=Parameters(total=total, trainable=trainable)
    )
    context.board.warn(*machine.warnings)
    logger.info(
        "training %d of %d parameters on %s in %s",
        trainable,
        total,
        machine.device,
        machine.precision,
    )


def _assemble(
    context: Context,
    loaded: Loaded,
    processor: Any,
    inputs: Inputs,
    machine: runtime.Machine,
) -> Attempt:
    job, task = context.job, context.task
    store, keeper = _open_checkpoints(context, loaded)
    guard = GuardAgainstDivergence(
        context.instruments, watch_gradients=machine.precision != "Float16"
    )
    kind = FineTuneTrainer
    if job.spec.distribution.strategy == "FSDP":
        shard(loaded.model, machine.device, context.ranks.seat.count)
        kind = ShardedTrainer
    trainer = kind(
        parts=Parts(
            training=job.spec.training,
            layout=loaded.layout,
            store=store,
            guard=guard,
            board=context.board,
            instruments=context.instruments,
            checkpoints_uri=job.checkpoints_uri,
            task=task,
            settings=inputs.settings,
            stillness=Stillness(
                loaded.model, is_extraction=job.spec.method.type == "FeatureExtraction"
            ),
            has_adapter=loaded.has_adapter,
            rows_per_step=context.plan.effective_batch_size,
            ranks=context.ranks,
        ),
        model=loaded.model,
        args=build_arguments(job.spec, context.plan, machine, context.checkpoints),
        train_dataset=inputs.rows["train"],
        eval_dataset=inputs.rows.get("validation"),
        data_collator=task.build_collator(processor, inputs.settings),
        processing_class=processor,
    )
    stopping = StopEarly(
        Policy.of(job.spec.early_stopping),
        keeper,
        context.board,
        trainer.save_weights,
        context.plan.maximum_steps,
        context.choose_scores,
    )
    trainer.remove_callback(transformers.PrinterCallback)
    for callback in (
        guard,
        _build_reporter(context, inputs.rows["train"].lengths),
        _choose_ending(context.plan, stopping),
        *_unfreeze(context, loaded),
        *_watch(context),
        KeepLossSum(trainer, context.ranks),
        LeaveWhenPreempted(context.preemption, context.ranks),
    ):
        trainer.add_callback(callback)
    return Attempt(context, loaded, processor, inputs.rows, trainer, store, keeper, stopping)


def _watch(context: Context) -> list[transformers.TrainerCallback]:
    """Give those that change nothing, and tell others."""
    return [
        WarnOfOverfitting(context.board),
        TellTrackers(context.tracking, context.board),
    ]


def _unfreeze(context: Context, loaded: Loaded) -> list[transformers.TrainerCallback]:
    wanted = context.job.spec.method.gradual_unfreezing
    if wanted is None:
        return []
    unfreezing = plan_unfreezing(wanted, loaded.layout)
    context.board.warn(*unfreezing.find_warnings(context.plan.epochs))
    return [UnfreezeGradually(loaded.model, unfreezing, context.plan.steps_per_epoch)]


def _choose_ending(plan: Plan, stopping: StopEarly) -> transformers.TrainerCallback:
    """Follow the evaluations; a refit has none, and ends at its step."""
    return stopping if plan.refit_steps is None else StopAtStep(plan.refit_steps)


def _open_checkpoints(context: Context, loaded: Loaded) -> tuple[CheckpointStore, BestKeeper]:
    job, identity = context.job, context.identity
    total, trainable = loaded.count_parameters()
    kept = trainable if loaded.has_adapter else total
    store = CheckpointStore(
        context.checkpoints,
        identity,
        keep=job.spec.checkpoints.keep,
        expected_bytes=BYTES_PER_NUMBER * (kept + OPTIMIZER_STATES_PER_WEIGHT * trainable),
        writers=context.writers,
    )
    metric = job.spec.early_stopping.metric or context.task.main_metric
    ranking = Ranking(metric, is_greater_better(metric))
    keeper = BestKeeper(context.checkpoints, identity, ranking, context.writers)
    return store, keeper


def _build_reporter(context: Context, lengths: Sequence[int]) -> ReportProgress:
    training = context.job.spec.training
    order = order_for_training(lengths, context.plan.effective_batch_size, training.seed, 0)
    padding = measure_padding(lengths, order, training.batch_size)
    context.instruments.padding_ratio.set(padding)
    is_text = context.task.processor == "Tokenizer"
    if is_text:
        context.board.warn(*find_padding_warnings(padding))
    return ReportProgress(
        context.board,
        context.instruments,
        context.plan,
        tokens_per_row=sum(lengths) / len(lengths) if is_text else 0,
        followed=context.job.spec.early_stopping.metric or context.task.main_metric,
    )
