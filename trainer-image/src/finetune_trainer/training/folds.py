"""What cross-validation amounts to: how far it is, its mean and spread, and how the refit follows.

Pure. `training.cross_validation` trains the folds by it, `run` and `export` show what it found.
"""

import hashlib
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.status import FoldMetric, HistoryPoint
from finetune_trainer.reporting.stages import Stage
from finetune_trainer.training.plans import Plan, plan_steps

DIGITS = 6
REFIT = "refit"
SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class FoldResult:
    """What one fold gave.

    Attributes:
        number: from 1.
        rows: of its training and validation part.
        baseline: metrics of the untouched model on its validation rows; empty if not asked for.
        scores: metrics of its best model there; empty if the followed metric never was a number.
        best_step: the step of that model.
        steps: the steps that were trained.
        stopped: why it ended early; None if it did not.
        history: the learning curve of the job up to its end.
        seconds: of training.
    """

    number: int
    rows: dict[str, int]
    baseline: dict[str, float]
    scores: dict[str, float]
    best_step: int
    steps: int
    stopped: str | None
    history: tuple[HistoryPoint, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """What all folds gave.

    Attributes:
        results: one for each fold.
        metrics: mean and spread of each metric.
        baseline: the mean of each metric of the untouched model.
        refit_steps: what the folds took to their best, on average.
    """

    results: tuple[FoldResult, ...]
    metrics: tuple[FoldMetric, ...]
    baseline: dict[str, float]
    refit_steps: int

    def to_json_dict(self) -> dict[str, Any]:
        """Give what folds.json holds."""
        return {
            "metrics": [metric.to_json_dict() for metric in self.metrics],
            "refitSteps": self.refit_steps,
            "folds": [_describe(result) for result in self.results],
        }


def summarize(results: Sequence[FoldResult]) -> Summary:
    """Put folds together; at least one."""
    return Summary(
        results=tuple(results),
        metrics=tuple(
            _spread(name, values) for name, values in _gather(r.scores for r in results).items()
        ),
        baseline={
            name: statistics.fmean(values)
            for name, values in _gather(r.baseline for r in results).items()
        },
        refit_steps=max(1, round(statistics.fmean(result.best_step for result in results))),
    )


def derive_seed(seed: int, number: int) -> int:
    """Give a fold a seed of its own: chance in a fold shall not be that of another."""
    digest = hashlib.sha256(f"{seed}/fold-{number}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SEEDS


def share_budget(seconds: float, number: int, count: int, done: Sequence[FoldResult]) -> float:
    """Say how long a fold may train: an equal part, and what those before it have left.

    Args:
        seconds: earlyStopping.timeBudgetSeconds, of the whole job.
        number: from 1.
        count: folds in all; the refit has a part as well.
        done: the folds before it.
    """
    return max(0.0, seconds * number / (count + 1) - sum(result.seconds for result in done))


def place_fold(number: int, count: int, steps: int, done: Sequence[FoldResult]) -> Stage:
    """Say where a fold lies among the steps of the whole job.

    Args:
        number: from 1.
        count: folds in all.
        steps: that a fold may take at most.
        done: the folds before it. What comes after is counted in full, the refit like the folds so
            far; the total falls whenever a fold takes less.
    """
    refit = summarize(done).refit_steps if done else steps
    return Stage(
        fold=f"{number}/{count}",
        steps_before=sum(result.steps for result in done),
        steps_after=(count - number) * steps + refit,
        is_fold=True,
    )


def place_refit(summary: Summary) -> Stage:
    """Say where the refit lies: after all folds."""
    return Stage(fold=REFIT, steps_before=sum(result.steps for result in summary.results))


def plan_refit(spec: FineTuneJobSpec, rows: int, fold: Plan, summary: Summary) -> Plan:
    """Plan the training on all rows: the learning rates of a fold, until its mean best step.

    A schedule that fell to zero on this shorter way would be another recipe than the one that the
    folds have measured.
    """
    return replace(
        plan_steps(spec, rows),
        maximum_steps=fold.maximum_steps,
        warmup_steps=fold.warmup_steps,
        refit_steps=min(summary.refit_steps, fold.maximum_steps),
    )


def _gather(scores: Any) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for values in scores:
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return found


def _spread(name: str, values: list[float]) -> FoldMetric:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return FoldMetric(
        name=name,
        mean=round(statistics.fmean(values), DIGITS),
        standard_deviation=round(deviation, DIGITS),
        folds=len(values),
    )


def _describe(result: FoldResult) -> dict[str, Any]:
    content = asdict(replace(result, history=()))
    renamed = {"best_step": "bestStep"}
    # Not the seconds either: the same job shall give the same file.
    left_out = ("history", "seconds")
    return {renamed.get(key, key): value for key, value in content.items() if key not in left_out}
