"""One attempt, once it is put together: measure the baseline, train or go on, test.

`run` imports this module late, on purpose: it needs torch, and what can be refused without torch is
refused before.
"""

import logging
from typing import Any

from finetune_trainer.callbacks.memory import restore_memory
from finetune_trainer.callbacks.reporting import read_scores
from finetune_trainer.errors import PreemptedError
from finetune_trainer.reporting.board import Measured
from finetune_trainer.sealing import Sealed
from finetune_trainer.tasks.base import Scores
from finetune_trainer.training.assembly import Attempt

logger = logging.getLogger(__name__)
BASELINES: tuple[tuple[str, Measured], ...] = (
    ("validation", "baseline"),
    ("test", "test_baseline"),
)


def measure_baseline(attempt: Attempt) -> None:
    """Measure what the untouched model reaches, on the rows that the trained one is judged by."""
    context = attempt.context
    if not context.job.spec.evaluation.baseline:
        return
    for part, kind in BASELINES:
        if part not in context.data.parts:
            continue
        if attempt.loaded.has_new_head:
            parts = context.data.parts
            scores = context.task.measure_baseline(parts["train"], parts[part], context.data.labels)
        else:
            scores = _predict(attempt, part)
        context.board.measure(kind, context.choose_scores(scores))


def train(attempt: Attempt) -> None:
    """Train from the newest good checkpoint, or from the start, until done or stopped early.

    Raises:
        PreemptedError: the process was told to stop; a checkpoint was saved.
    """
    trainer, context = attempt.trainer, attempt.context
    checkpoint = attempt.store.find_newest()
    attempt.keeper.find()
    context.board.warn(*attempt.store.warnings)
    context.board.enter("Train")
    try:
        if checkpoint is not None:
            _take_up(attempt, checkpoint)
        if not _is_over(attempt):
            trainer.train(resume_from_checkpoint=str(checkpoint.path) if checkpoint else None)
        trainer.save_now()
    except PreemptedError:
        _save_before_leaving(attempt)
        raise


def test(attempt: Attempt) -> Scores | None:
    """Load the best model, and judge it by the test rows, which nothing was chosen by."""
    context = attempt.context
    best = attempt.keeper.best
    if best is not None:
        attempt.trainer.load_weights(best.path)
        context.board.measure("best", context.choose_scores(best.scores))
    if "test" not in context.data.parts:
        return None
    context.board.enter("Test")
    scores = context.choose_scores(_predict(attempt, "test"))
    context.board.measure("test", scores)
    return scores


def _take_up(attempt: Attempt, checkpoint: Sealed) -> None:
    """Go on where a checkpoint was; an evaluation that was cut short there is done first."""
    trainer, step = attempt.trainer, checkpoint.about["step"]
    restore_memory(checkpoint.path, trainer.callback_handler.callbacks)
    attempt.context.board.update(step=step, resumed_from_step=step)
    logger.info("going on from the checkpoint of step %d", step)
    trainer.take_up_state(checkpoint.path)
    if attempt.context.plan.is_evaluation_due(step) and attempt.stopping.state.last_step < step:
        trainer.load_weights(checkpoint.path)
        trainer.evaluate()


def _is_over(attempt: Attempt) -> bool:
    return (
        attempt.stopping.state.stopped is not None
        or attempt.trainer.state.global_step >= attempt.context.plan.maximum_steps
    )


def _save_before_leaving(attempt: Attempt) -> None:
    trainer = attempt.trainer
    if trainer.state.global_step <= (attempt.store.newest_step or 0):
        return
    seconds_left = attempt.context.preemption.count_seconds_left()
    if trainer.last_save_seconds > seconds_left:
        # Killed while saving, the process could not even say why it ended.
        logger.warning("%.0f s are too few for a checkpoint; the last one stays", seconds_left)
        return
    trainer.log_what_is_due()
    trainer.save_now()


def _predict(attempt: Attempt, part: str) -> Scores:
    rows: Any = attempt.rows[part]
    output = attempt.trainer.predict(rows, metric_key_prefix=part)
    return read_scores(output.metrics or {}, prefix=f"{part}_")
