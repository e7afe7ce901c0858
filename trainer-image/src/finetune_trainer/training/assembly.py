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
from finetune_trainer.callbacks.preemption import LeaveWhenPreempted
from finetune_trainer.callbacks.reporting import ReportProgress
from finetune_trainer.checkpoints.best import BestKeeper
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.store import CheckpointStore
from finetune_trainer.data.loading import Data
from finetune_trainer.models.loading import Loaded, load_model
from finetune_trainer.models.processors import load_processor
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.tasks.base import EncodeSettings, Rows, Scores, Task
from finetune_trainer.training.arguments import build_arguments
from finetune_trainer.training.encoding import choose_max_length, find_encoding_warnings
from finetune_trainer.training.orders import measure_padding, order_for_training
from finetune_trainer.training.plans import Plan
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

    def choose_scores(self, scores: Scores) -> Scores:
        """Keep the metrics that were asked for, in the order of the task."""
        wanted = self.job.spec.evaluation.metrics or self.task.metrics
        return {name: scores[name] for name in self.task.metrics if name in wanted}


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
    processor = load_processor(context.task.processor, context.pretrained)
    loaded = load_model(context.pretrained, spec, context.task, context.data.labels)
    if context.task.processor == "Tokenizer":
        loaded.model.config.pad_token_id = processor.pad_token_id
    context.preemption.check()
    settings = _choose_settings(context, processor, loaded)
    rows = _encode(context, processor, settings)
    _report_resolved(context, loaded, machine)
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
    max_length = choose_max_length(spec.training.max_length, processor, loaded.model.config)
    return EncodeSettings(spec, context.data.labels, max_length, loaded.model.config)


def _encode(context: Context, processor: Any, settings: EncodeSettings) -> dict[str, Rows]:
    rows = {
        name: Rows(
            part,
            context.task.encode(part, processor, replace(settings, is_training=name == "train")),
        )
        for name, part in context.data.parts.items()
    }
    if context.task.processor == "Tokenizer":
        context.board.warn(*find_encoding_warnings(rows["train"].encoded, settings.max_length))
    return rows


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
    trainer = FineTuneTrainer(
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
        ),
        model=loaded.model,
        args=build_arguments(job.spec, context.plan, machine, context.checkpoints),
        train_dataset=inputs.rows["train"],
        eval_dataset=inputs.rows["validation"],
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
        stopping,
        KeepLossSum(trainer),
        LeaveWhenPreempted(context.preemption),
    ):
        trainer.add_callback(callback)
    return Attempt(context, loaded, processor, inputs.rows, trainer, store, keeper, stopping)


def _open_checkpoints(context: Context, loaded: Loaded) -> tuple[CheckpointStore, BestKeeper]:
    job = context.job
    identity = Identity(job.uid, job.config_hash, context.data.fingerprint)
    total, trainable = loaded.count_parameters()
    store = CheckpointStore(
        context.checkpoints,
        identity,
        keep=job.spec.checkpoints.keep,
        expected_bytes=BYTES_PER_NUMBER * (total + OPTIMIZER_STATES_PER_WEIGHT * trainable),
    )
    metric = job.spec.early_stopping.metric or context.task.main_metric
    keeper = BestKeeper(
        context.checkpoints, identity, metric, greater_is_better=is_greater_better(metric)
    )
    return store, keeper


def _build_reporter(context: Context, lengths: Sequence[int]) -> ReportProgress:
    training = context.job.spec.training
    order = order_for_training(lengths, context.plan.effective_batch_size, training.seed, 0)
    context.instruments.padding_ratio.set(measure_padding(lengths, order, training.batch_size))
    return ReportProgress(
        context.board,
        context.instruments,
        context.plan,
        tokens_per_row=sum(lengths) / len(lengths),
        followed=context.job.spec.early_stopping.metric or context.task.main_metric,
    )
