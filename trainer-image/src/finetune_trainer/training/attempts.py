"""One attempt, once it is put together: measure the baseline, train or go on, test.

`run` imports this module late, on purpose: it needs torch, and what can be refused without torch is
refused before.
"""

import logging
from dataclasses import dataclass, replace
from typing import Any

from finetune_trainer.callbacks.memory import restore_memory
from finetune_trainer.callbacks.reporting import read_scores
from finetune_trainer.distribution import sharding
from finetune_trainer.errors import PreemptedError
from finetune_trainer.evaluation.materials import choose_judged_part
from finetune_trainer.models.loading import load_model
from finetune_trainer.reporting.board import Measured
from finetune_trainer.sealing import Sealed
from finetune_trainer.tasks.base import Judged, Scores
from finetune_trainer.training.assembly import Attempt

logger = logging.getLogger(__name__)
BASELINES: tuple[tuple[str, Measured], ...] = (
    ("validation", "baseline"),
    ("test", "test_baseline"),
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """How good the finished model is.

    Attributes:
        judged: its answers.
        scores: the metrics that were asked for.
    """

    judged: Judged
    scores: Scores


def measure_baseline(attempt: Attempt) -> dict[str, Scores]:
    """Measure what the untouched model reaches, on the rows that the trained one is judged by.

    Returns:
        the metrics of each part that was measured.
    """
    context = attempt.context
    found: dict[str, Scores] = {}
    if not context.job.spec.evaluation.baseline:
        return found
    for part, kind in BASELINES:
        if part not in context.data.parts:
            continue
        guess = context.task.measure_baseline if attempt.loaded.has_new_head else None
        if guess is not None:
            parts = context.data.parts
            scores = guess(parts["train"], parts[part], context.data.labels)
        else:
            with attempt.loaded.untouched():
                scores = _predict(attempt, part)
        found[part] = context.choose_scores(scores)
        context.board.measure(kind, found[part])
    return found


def train(attempt: Attempt) -> None:
    """Train from the newest good checkpoint, or from the start, until done or stopped early.

    Raises:
        PreemptedError: the process was told to stop; a checkpoint was saved.
    """
    trainer, context = attempt.trainer, attempt.context
    attempt.keeper.find()
    checkpoint = attempt.store.find_newest(before=attempt.keeper.lost_step)
    context.board.warn(*attempt.keeper.warnings, *attempt.store.warnings)
    context.board.enter("Train")
    try:
        if checkpoint is not None:
            _take_up(attempt, checkpoint)
        if not _is_over(attempt):
            trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
        elif checkpoint is not None:
            trainer.load_weights(checkpoint.path)
        trainer.save_now()
    except PreemptedError:
        _save_before_leaving(attempt)
        raise


def judge(attempt: Attempt) -> Judgement | None:
    """Load the best model, and judge it by the test rows, which nothing was chosen by.

    Returns:
        its answers about the test rows, else the validation rows; None where all rows were trained.
    """
    context = attempt.context
    best = attempt.keeper.best
    if best is not None:
        attempt.trainer.load_weights(best.path)
        context.board.measure("best", context.choose_scores(best.scores))
    part = choose_judged_part(context.data.parts)
    if part is None:
        return None
    context.board.enter("Test" if part == "test" else "Evaluate")
    judged = attempt.trainer.ask(attempt.rows[part])
    scores = context.choose_scores(context.task.measure(judged))
    if part == "test":
        context.board.measure("test", scores)
    return Judgement(judged, scores)


def make_whole(attempt: Attempt) -> Attempt:
    """Give the leader a model that it holds alone, where the trained one is spread over ranks."""
    context = attempt.context
    spec = context.job.spec
    if spec.distribution.strategy != "FSDP":
        return attempt
    weights = sharding.gather_weights(attempt.trainer.model)
    if not context.ranks.seat.is_leader:
        return attempt
    loaded = load_model(
        context.pretrained, spec, context.task, context.data.labels, attempt.processor
    )
    loaded.model.load_state_dict(weights)
    return replace(attempt, loaded=loaded)


def _take_up(attempt: Attempt, checkpoint: Sealed) -> None:
    """Go on where a checkpoint was; an evaluation that was cut short there is done first."""
    trainer, step = attempt.trainer, checkpoint.about["step"]
    restore_memory(checkpoint.path, trainer.callback_handler.callbacks)
    attempt.context.board.update(step=step, resumed_from_step=step)
    logger.info("going on from the checkpoint of step %d", step)
    trainer.take_up_state(checkpoint.path)
    if attempt.context.plan.is_evaluation_due(step) and attempt.stopping.state.last_step < step:
        trainer.load_weights(checkpoint.path)
        trainer.evaluate_late()


def _is_over(attempt: Attempt) -> bool:
    return (
        attempt.stopping.state.stopped is not None
        or attempt.trainer.state.global_step >= attempt.context.plan.last_step
    )


def _save_before_leaving(attempt: Attempt) -> None:
    trainer = attempt.trainer
    if trainer.state.global_step <= (attempt.store.newest_step or 0):
        return
    seconds_left = attempt.context.preemption.count_seconds_left()
    if attempt.context.ranks.lead(lambda: trainer.last_save_seconds > seconds_left):
        # Killed while saving, the process could not even say why it ended.
        logger.warning("%.0f s are too few for a checkpoint; the last one stays", seconds_left)
        return
    trainer.log_what_is_due()
    trainer.save_now()


def _predict(attempt: Attempt, part: str) -> Scores:
    rows: Any = attempt.rows[part]
    output = attempt.trainer.predict(rows, metric_key_prefix=part)
    return read_scores(output.metrics or {}, prefix=f"{part}_")
