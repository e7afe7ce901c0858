"""Puts an attempt together: model, rows, Trainer, callbacks, checkpoints. Needs torch.

`run` opens an attempt here once all is prepared, `attempts` works with it. A new callback is one
line in `_assemble`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import transformers

from finetune_api.v1alpha1.metrics import is_greater_better
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
from finetune_trainer.checkpoints.store import CheckpointStore
from finetune_trainer.distribution.sharding import shard
from finetune_trainer.models.loading import Loaded, Start, load_model
from finetune_trainer.models.quickening import quicken_training
from finetune_trainer.models.stillness import Stillness
from finetune_trainer.models.unfreezing import plan_unfreezing
from finetune_trainer.tasks.base import EncodeSettings, Rows
from finetune_trainer.training.arguments import build_arguments
from finetune_trainer.training.contexts import Context
from finetune_trainer.training.encoding import find_padding_warnings
from finetune_trainer.training.label_weights import find_labels_per_step
from finetune_trainer.training.orders import measure_padding, order_for_training
from finetune_trainer.training.plans import Plan
from finetune_trainer.training.preparations import Ready
from finetune_trainer.training.sharded_trainers import ShardedTrainer
from finetune_trainer.training.stopping import Policy
from finetune_trainer.training.trainers import FineTuneTrainer, Parts

BYTES_PER_NUMBER = 4
OPTIMIZER_STATES_PER_WEIGHT = 2


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


def open_attempt(ready: Ready) -> Attempt:
    """Load the weights, and put the Trainer together."""
    context = ready.context
    spec, task = context.job.spec, context.task
    # The sketch and the rows were made by chance, too: a model begins with the seed all the same.
    machine = runtime.prepare_torch(
        spec.training.precision, spec.resources.gpus_per_node, spec.training.seed
    )
    prior = task.find_prior and task.find_prior(context.data.parts["train"])
    start = Start(local_rank=context.ranks.seat.local_rank, prior=prior)
    loaded = load_model(context.pretrained, spec, task, context.data.labels, ready.processor, start)
    if task.processor == "Tokenizer":
        loaded.model.config.pad_token_id = ready.processor.pad_token_id
    quicken_training(loaded.model, machine.device, is_compiled=spec.training.compile)
    context.preemption.check()
    settings = replace(ready.settings, config=loaded.model.config)
    return _assemble(context, loaded, ready.processor, Inputs(settings, ready.rows), machine)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What goes into the model.

    Attributes:
        settings: how rows are encoded.
        rows: the rows of each part, encoded.
    """

    settings: EncodeSettings
    rows: dict[str, Rows]


def _assemble(
    context: Context,
    loaded: Loaded,
    processor: Any,
    inputs: Inputs,
    machine: runtime.Machine,
) -> Attempt:
    store, keeper = _open_checkpoints(context, loaded)
    guard = GuardAgainstDivergence(
        context.instruments, watch_gradients=machine.precision != "Float16"
    )
    kind = FineTuneTrainer
    if context.job.spec.distribution.strategy == "FSDP":
        shard(loaded.model, machine.device, context.ranks.seat.count)
        kind = ShardedTrainer
    trainer = kind(
        parts=_gather_parts(context, loaded, inputs, store, guard),
        model=loaded.model,
        args=build_arguments(context.job.spec, context.plan, machine, context.checkpoints),
        train_dataset=inputs.rows["train"],
        eval_dataset=inputs.rows.get("validation"),
        data_collator=context.task.build_collator(processor, inputs.settings),
        processing_class=processor,
    )
    stopping = StopEarly(
        Policy.of(context.job.spec.early_stopping),
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


def _gather_parts(
    context: Context,
    loaded: Loaded,
    inputs: Inputs,
    store: CheckpointStore,
    guard: GuardAgainstDivergence,
) -> Parts:
    is_extraction = context.job.spec.method.type == "FeatureExtraction"
    rows_per_step = context.plan.effective_batch_size
    spans = context.task.loss_spans_batches
    return Parts(
        training=context.job.spec.training,
        layout=loaded.layout,
        store=store,
        guard=guard,
        board=context.board,
        instruments=context.instruments,
        checkpoints_uri=context.job.checkpoints_uri,
        task=context.task,
        settings=inputs.settings,
        stillness=Stillness(loaded.model, is_extraction=is_extraction),
        has_adapter=loaded.has_adapter,
        rows_per_step=rows_per_step,
        labels_per_step=find_labels_per_step(inputs.rows["train"], rows_per_step)
        if spans
        else None,
        ranks=context.ranks,
    )


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
