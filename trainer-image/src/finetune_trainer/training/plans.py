"""How many steps a job takes, and what is unwise about its recipe. Pure; known before torch is."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from finetune_api.v1alpha1.job import FineTuneJobSpec
from finetune_api.v1alpha1.method import LEARNING_RATES, Freeze
from finetune_trainer.data.replay import count_replayed

FEW_STEPS = 20
HIGH_RATE_FACTOR = 50
LOW_LEARNING_RATE = 1e-7
FEW_ROWS = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a job.

    Attributes:
        rows: training rows in an epoch, the replayed ones included.
        steps_per_epoch: optimizer steps in an epoch.
        maximum_steps: optimizer steps in all.
        warmup_steps: steps in which the learning rate rises.
        effective_batch_size: rows per optimizer step.
        evaluate_every: steps between evaluations; None: after each epoch.
        save_every: steps between checkpoints; None: after each epoch.
        refit_steps: where the refit of a cross-validation ends; it has nothing to be evaluated on.
            None for any other training.
    """

    rows: int
    steps_per_epoch: int
    maximum_steps: int
    warmup_steps: int
    effective_batch_size: int
    evaluate_every: int | None
    save_every: int | None
    refit_steps: int | None = None

    @property
    def last_step(self) -> int:
        """The step at which training ends when nothing stops it early."""
        return self.maximum_steps if self.refit_steps is None else self.refit_steps

    @property
    def epochs(self) -> float:
        """Passes over the data in all."""
        return self.maximum_steps / self.steps_per_epoch

    def is_evaluation_due(self, step: int) -> bool:
        """Tell whether an evaluation belongs to a step."""
        if step == 0 or self.refit_steps is not None:
            return False
        return (
            step >= self.maximum_steps or step % (self.evaluate_every or self.steps_per_epoch) == 0
        )


def plan_steps(spec: FineTuneJobSpec, rows: int) -> Plan:
    """Count the steps.

    Args:
        spec: every default is filled in.
        rows: training rows, without those of dataset.replay.
    """
    training = spec.training
    if spec.dataset.replay is not None:
        rows += count_replayed(rows, spec.dataset.replay.ratio)
    processes = spec.resources.processes
    # Each process takes one batch of every `processes`; the last ones get rows a second time.
    batches = math.ceil(math.ceil(rows / training.batch_size) / processes)
    per_epoch = max(1, math.ceil(batches / training.gradient_accumulation_steps))
    maximum = training.max_steps or (training.epochs or 1) * per_epoch
    return Plan(
        rows=rows,
        steps_per_epoch=per_epoch,
        maximum_steps=maximum,
        warmup_steps=training.schedule.warmup_steps
        or math.ceil(maximum * (training.schedule.warmup_ratio or 0)),
        effective_batch_size=(
            training.batch_size * training.gradient_accumulation_steps * processes
        ),
        evaluate_every=spec.evaluation.every_steps,
        save_every=spec.checkpoints.every_steps,
    )


Lint = Callable[[FineTuneJobSpec, Plan], str | None]


def warn_of_a_long_warmup(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """A learning rate that never reaches its peak teaches little."""
    if not plan.warmup_steps or plan.warmup_steps < plan.maximum_steps:
        return None
    return (
        f"training.schedule warms up for {plan.warmup_steps} steps, but the whole run has"
        f" {plan.maximum_steps}: the learning rate never reaches its peak; use warmupRatio"
    )


def warn_of_few_steps(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """A handful of steps moves nothing."""
    if plan.maximum_steps >= FEW_STEPS:
        return None
    return (
        f"the whole run has {plan.maximum_steps} steps: lower training.batchSize or raise"
        " training.epochs"
    )


def warn_of_a_large_batch(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """One step per epoch is seldom meant."""
    if plan.effective_batch_size <= plan.rows:
        return None
    return (
        f"a step takes {plan.effective_batch_size} rows, but there are only {plan.rows}: lower"
        " training.batchSize or gradientAccumulationSteps"
    )


def warn_of_a_high_learning_rate(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """Rates of training from scratch destroy what was pre-trained."""
    rate = spec.training.learning_rate or 0
    usual = LEARNING_RATES[spec.method.type]
    if rate <= HIGH_RATE_FACTOR * usual:
        return None
    return (
        f"training.learningRate is {rate:g}: above {HIGH_RATE_FACTOR * usual:g} a model forgets"
        f" what it knew; {usual:g} is usual for method.type {spec.method.type}"
    )


def warn_of_a_low_learning_rate(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """Such steps vanish in the rounding."""
    rate = spec.training.learning_rate or 0
    if rate >= LOW_LEARNING_RATE:
        return None
    usual = LEARNING_RATES[spec.method.type]
    return (
        f"training.learningRate is {rate:g}: so small that nothing is learned; {usual:g} is usual"
    )


def warn_of_a_small_split(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """A fifth of little data measures nothing; each row could validate once instead."""
    dataset = spec.dataset
    if plan.rows >= FEW_ROWS or dataset.validation.fraction is None or dataset.replay is not None:
        return None
    return (
        f"only {plan.rows} rows are left to learn from, and fewer to validate on: with"
        " dataset.validation.folds: 5 instead of a fraction each row does both, and the metrics say"
        " how much is chance"
    )


def warn_of_many_weights_for_few_rows(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """A whole model learns a few rows by heart."""
    method = spec.method
    keeps_weights = method.freeze != Freeze() or method.gradual_unfreezing is not None
    if plan.rows >= FEW_ROWS or method.type != "Full" or keeps_weights:
        return None
    return (
        f"all weights are trained on {plan.rows} rows, which a model can learn by heart: try"
        " method.freeze, or method.type FeatureExtraction or LoRA"
    )


RECIPE_LINTS: tuple[Lint, ...] = (
    warn_of_a_small_split,
    warn_of_many_weights_for_few_rows,
    warn_of_a_long_warmup,
    warn_of_few_steps,
    warn_of_a_large_batch,
    warn_of_a_high_learning_rate,
    warn_of_a_low_learning_rate,
)


def find_recipe_warnings(spec: FineTuneJobSpec, plan: Plan) -> list[str]:
    """Ask every rule."""
    return [warning for lint in RECIPE_LINTS if (warning := lint(spec, plan)) is not None]
