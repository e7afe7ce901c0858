"""One attempt, from loaded data to a tested model. Everything here needs torch.

`run` imports this module late, on purpose: what can be refused without torch is refused before. The
functions follow the life of an attempt: open, measure the baseline, train or go on, test.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import transformers

from finetune_api.contract.resolved_jobs import ResolvedJob
from finetune_api.v1alpha1.metrics import is_greater_better
from finetune_api.v1alpha1.status import Parameters
from finetune_trainer import runtime
from finetune_trainer.callbacks.divergence import GuardAgainstDivergence
from finetune_trainer.callbacks.early_stopping import StopEarly
from finetune_trainer.callbacks.memory import restore_memory
from finetune_trainer.callbacks.preemption import LeaveWhenPreempted
from finetune_trainer.callbacks.reporting import ReportProgress, read_scores
from finetune_trainer.checkpoints.best import BestKeeper
from finetune_trainer.checkpoints.identity import Identity
from finetune_trainer.checkpoints.store import CheckpointStore
from finetune_trainer.data.loading import Data
from finetune_trainer.errors import PreemptedError
from finetune_trainer.models.loading import Loaded, load_model, load_tokenizer
from finetune_trainer.models.sources import Pretrained
from finetune_trainer.preemption import Preemption
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import Instruments
from finetune_trainer.sealing import Sealed
from finetune_trainer.tasks.base import Encoded, EncodeSettings, Scores, Task
from finetune_trainer.training.arguments import build_arguments
from finetune_trainer.training.encoding import choose_max_length, find_encoding_warnings
from finetune_trainer.training.orders import measure_padding, order_for_training
from finetune_trainer.training.plans import Plan
from finetune_trainer.training.stopping import Policy
from finetune_trainer.training.trainers import FineTuneTrainer, Parts

logger = logging.getLogger(__name__)
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


@dataclass(frozen=True, slots=True)
class Session:
    """A model, its rows and the Trainer that brings them together."""

    context: Context
    loaded: Loaded
    tokenizer: Any
    encoded: dict[str, Encoded]
    trainer: FineTuneTrainer
    store: CheckpointStore
    keeper: BestKeeper
    stopping: StopEarly


def open_session(context: Context) -> Session:
    """Load the model, encode the rows, and put the Trainer together."""
    spec = context.job.spec
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    machine = runtime.prepare_torch(
        spec.training.precision, spec.resources.gpus_per_node, spec.training.seed
    )
    tokenizer = load_tokenizer(context.pretrained)
    loaded = load_model(context.pretrained, spec, context.task, context.data.labels)
    loaded.model.config.pad_token_id = tokenizer.pad_token_id
    context.preemption.check()
    encoded = _encode(context, tokenizer, loaded)
    _report_resolved(context, loaded, machine)
    context.preemption.check()
    return _assemble(context, loaded, tokenizer, encoded, machine)


def measure_baseline(session: Session) -> None:
    """Measure what the untouched model reaches, on the rows that the trained one is judged by."""
    context = session.context
    if not context.job.spec.evaluation.baseline:
        return
    for part, kind in (("validation", "baseline"), ("test", "test_baseline")):
        if part not in context.data.parts:
            continue
        if session.loaded.has_new_head:
            parts = context.data.parts
            scores = context.task.measure_baseline(parts["train"], parts[part], context.data.labels)
        else:
            scores = _predict(session, part)
        context.board.measure(kind, _choose_scores(context, scores))  # type: ignore[arg-type]


def train(session: Session) -> None:
    """Train from the newest good checkpoint, or from the start, until done or stopped early.

    Raises:
        PreemptedError: the process was told to stop; a checkpoint was saved.
    """
    trainer, context = session.trainer, session.context
    checkpoint = session.store.find_newest()
    session.keeper.find()
    context.board.warn(*session.store.warnings)
    context.board.enter("Train")
    try:
        if checkpoint is not None:
            _take_up(session, checkpoint)
        if not _is_over(session):
            trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
        trainer.save_now()
    except PreemptedError:
        _save_before_leaving(session)
        raise


def test(session: Session) -> Scores | None:
    """Load the best model, and judge it by the test rows, which nothing was chosen by."""
    context = session.context
    best = session.keeper.best
    if best is not None:
        session.trainer.load_weights(best.path)
        context.board.measure("best", _choose_scores(context, best.scores))
    if "test" not in context.data.parts:
        return None
    context.board.enter("Test")
    scores = _choose_scores(context, _predict(session, "test"))
    context.board.measure("test", scores)
    return scores


def _encode(context: Context, tokenizer: Any, loaded: Loaded) -> dict[str, Encoded]:
    max_length = choose_max_length(
        context.job.spec.training.max_length, tokenizer, loaded.model.config
    )
    settings = EncodeSettings(max_length, context.data.labels)
    encoded = {
        name: context.task.encode(part, tokenizer, settings)
        for name, part in context.data.parts.items()
    }
    context.board.warn(*find_encoding_warnings(encoded["train"], max_length))
    return encoded


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
    tokenizer: Any,
    encoded: dict[str, Encoded],
    machine: runtime.Machine,
) -> Session:
    job, spec = context.job, context.job.spec
    identity = Identity(job.uid, job.config_hash, context.data.fingerprint)
    policy = Policy.of(spec.early_stopping)
    total, trainable = loaded.count_parameters()
    store = CheckpointStore(
        context.checkpoints,
        identity,
        keep=spec.checkpoints.keep,
        expected_bytes=4 * (total + OPTIMIZER_STATES_PER_WEIGHT * trainable),
    )
    keeper = BestKeeper(
        context.checkpoints,
        identity,
        policy.metric,
        greater_is_better=is_greater_better(spec.early_stopping.metric or "loss"),
    )
    lengths = encoded["train"].lengths
    order = order_for_training(lengths, context.plan.effective_batch_size, spec.training.seed, 0)
    context.instruments.padding_ratio.set(measure_padding(lengths, order, spec.training.batch_size))
    guard = GuardAgainstDivergence(
        context.instruments, watch_gradients=machine.precision != "Float16"
    )
    trainer = FineTuneTrainer(
        parts=Parts(
            training=spec.training,
            layout=loaded.layout,
            store=store,
            guard=guard,
            board=context.board,
            instruments=context.instruments,
            checkpoints_uri=job.checkpoints_uri,
        ),
        model=loaded.model,
        args=build_arguments(spec, context.plan, machine, context.checkpoints),
        train_dataset=encoded["train"],
        eval_dataset=encoded["validation"],
        data_collator=context.task.build_collator(tokenizer),
        processing_class=tokenizer,
        compute_metrics=_measure_with(context.task),
        preprocess_logits_for_metrics=_take_first_output,
    )
    stopping = StopEarly(
        policy, keeper, context.board, trainer.save_weights, context.plan.maximum_steps
    )
    trainer.remove_callback(transformers.PrinterCallback)
    for callback in (
        guard,
        ReportProgress(
            context.board,
            context.instruments,
            context.plan,
            sum(lengths) / len(lengths),
            policy.metric,
        ),
        stopping,
        LeaveWhenPreempted(context.preemption),
    ):
        trainer.add_callback(callback)
    return Session(context, loaded, tokenizer, encoded, trainer, store, keeper, stopping)


def _take_up(session: Session, checkpoint: Sealed) -> None:
    """Go on where a checkpoint was; an evaluation that was cut short there is done first."""
    trainer, step = session.trainer, checkpoint.about["step"]
    restore_memory(checkpoint.path, trainer.callback_handler.callbacks)
    session.context.board.update(step=step, resumed_from_step=step)
    logger.info("going on from the checkpoint of step %d", step)
    trainer.take_up_state(checkpoint.path)
    if session.context.plan.is_evaluation_due(step) and session.stopping.state.last_step < step:
        trainer.load_weights(checkpoint.path)
        trainer.evaluate()


def _is_over(session: Session) -> bool:
    return (
        session.stopping.state.stopped is not None
        or session.trainer.state.global_step >= session.context.plan.maximum_steps
    )


def _save_before_leaving(session: Session) -> None:
    if session.trainer.state.global_step > (session.store.newest_step or 0):
        session.trainer.save_now()


def _predict(session: Session, part: str) -> Scores:
    rows: Any = session.encoded[part]
    output = session.trainer.predict(rows, metric_key_prefix=part)
    return read_scores(output.metrics or {}, prefix=f"{part}_")


def _choose_scores(context: Context, scores: Scores) -> Scores:
    """Keep the metrics that were asked for, in the order of the task."""
    wanted = context.job.spec.evaluation.metrics or context.task.metrics
    return {name: scores[name] for name in context.task.metrics if name in wanted}


def _measure_with(task: Task) -> Callable[[transformers.EvalPrediction], Scores]:
    def measure(prediction: Any) -> Scores:
        return task.measure(prediction.predictions, prediction.label_ids)

    return measure


def _take_first_output(outputs: Any, labels: Any) -> Any:
    """Keep the logits: some models add hidden states, which would fill the memory."""
    del labels
    return outputs[0] if isinstance(outputs, tuple) else outputs
