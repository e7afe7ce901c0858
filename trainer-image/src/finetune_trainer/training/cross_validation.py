"""Trains the folds of a job one after the other, and says how to train on all rows. Needs torch.

`run` calls it before the one training that gives the model. Each fold begins with the pre-trained
weights and a seed of its own, has checkpoints of its own, and stops early on its own rows. Its
result is sealed: an attempt that is cut short in the third fold goes on in the third fold. Only one
model is in memory at a time.
"""

import gc
import logging
import math
from collections.abc import Sequence
from dataclasses import replace

from finetune_api.v1alpha1.status import EarlyStoppingStatus
from finetune_trainer.checkpoints.fold_results import FoldResults
from finetune_trainer.data.folds import Folds, take_fold
from finetune_trainer.tasks.base import Scores
from finetune_trainer.training import assembly, attempts
from finetune_trainer.training.assembly import Attempt
from finetune_trainer.training.contexts import Context
from finetune_trainer.training.folds import (
    FoldResult,
    Summary,
    derive_seed,
    place_fold,
    place_refit,
    plan_refit,
    share_budget,
    summarize,
)
from finetune_trainer.training.plans import plan_steps
from finetune_trainer.training.preparations import prepare

logger = logging.getLogger(__name__)


def cross_validate(context: Context, folds: Folds) -> Summary:
    """Train each fold that has no result yet, and put all of them together.

    Args:
        context: of the whole job.
        folds: which rows validate when.

    Raises:
        PreemptedError: the process was told to stop; the present fold has a checkpoint.
    """
    results = FoldResults(context.checkpoints, context.identity, context.writers)
    done: list[FoldResult] = []
    for number in range(1, len(folds) + 1):
        steps = context.plan.maximum_steps
        context.board.begin(place_fold(number, len(folds), steps, done), steps)
        result = results.find(number)
        context.board.warn(*results.warnings)
        if result is None:
            limited = _limit_time(context, number, len(folds), done)
            result = _train_fold(limited, folds, number, results)
            results.keep(result)
            # The Trainer and its callbacks hold each other: without this, two models would be kept.
            gc.collect()
        else:
            logger.info("fold %d of %d was done by an earlier attempt", number, len(folds))
            context.board.restore_points(list(result.history))
            context.board.update(
                step=result.steps, resumed_from_step=result.steps, train_seconds=result.seconds
            )
        done.append(result)
        context.board.measure_folds(summarize(done).metrics)
        context.preemption.check()
    return summarize(done)


def prepare_refit(context: Context, summary: Summary) -> Context:
    """Turn from the folds to the training on all rows, and report what the folds gave."""
    board, spec = context.board, context.job.spec
    plan = plan_refit(spec, len(context.data.parts["train"]), context.plan, summary)
    board.begin(place_refit(summary), plan.last_step)
    board.measure("baseline", summary.baseline)
    followed = spec.early_stopping.metric or context.task.main_metric
    mean = next((metric.mean for metric in summary.metrics if metric.name == followed), None)
    # Said aloud, since the operator would otherwise keep what the last fold has said.
    board.update(
        early_stopping=EarlyStoppingStatus(
            metric=followed, best=mean, best_step=summary.refit_steps, stopped=False
        )
    )
    logger.info("training on all rows for %d steps, the mean of the folds", plan.last_step)
    return replace(context, plan=plan)


def _train_fold(context: Context, folds: Folds, number: int, results: FoldResults) -> FoldResult:
    fold = _choose_context(context, folds, number, results)
    context.board.update(maximum_steps=fold.plan.last_step)
    context.board.enter("Load")
    attempt = assembly.open_attempt(prepare(fold))
    context.board.enter("Baseline")
    baseline = attempts.measure_baseline(attempt)
    attempts.train(attempt)
    return context.ranks.lead(lambda: _describe(attempt, number, baseline.get("validation", {})))


def _limit_time(context: Context, number: int, count: int, done: Sequence[FoldResult]) -> Context:
    """Give a fold its part of the time that the whole job has."""
    stopping = context.job.spec.early_stopping
    if stopping.time_budget_seconds is None:
        return context
    seconds = share_budget(stopping.time_budget_seconds, number, count, done)
    limited = stopping.model_copy(update={"time_budget_seconds": seconds})
    spec = context.job.spec.model_copy(update={"early_stopping": limited})
    return replace(context, job=context.job.model_copy(update={"spec": spec}))


def _choose_context(context: Context, folds: Folds, number: int, results: FoldResults) -> Context:
    """Give a fold its rows, its seed and a folder of its own."""
    job, data = context.job, take_fold(context.data, folds, number)
    training = job.spec.training.model_copy(
        update={"seed": derive_seed(job.spec.training.seed, number)}
    )
    spec = job.spec.model_copy(update={"training": training})
    folder = results.name_folder(number)
    folder.mkdir(exist_ok=True)
    return replace(
        context,
        job=job.model_copy(
            update={"spec": spec, "checkpoints_uri": f"{job.checkpoints_uri}/{folder.name}"}
        ),
        data=data,
        plan=plan_steps(spec, len(data.parts["train"])),
        checkpoints=folder,
        tracking=context.tracking.of_stage(folder.name),
    )


def _describe(attempt: Attempt, number: int, baseline: Scores) -> FoldResult:
    context, best = attempt.context, attempt.keeper.best
    steps, stopped = attempt.trainer.state.global_step, attempt.stopping.state.stopped
    scores = context.choose_scores(best.scores) if best else {}
    return FoldResult(
        number=number,
        rows=context.data.count_rows(),
        baseline=_keep_finite(baseline),
        scores=_keep_finite(scores),
        best_step=best.step if best else steps,
        steps=steps,
        stopped=None if stopped is None else str(stopped),
        history=context.board.snapshot().history,
        seconds=context.board.train_seconds,
    )


def _keep_finite(scores: Scores) -> Scores:
    return {name: value for name, value in scores.items() if math.isfinite(value)}
