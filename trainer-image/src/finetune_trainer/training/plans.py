"""How many steps a job takes, and what is unwise about its recipe. Pure; known before torch is."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from finetune_api.v1alpha1.job import FineTuneJobSpec

FEW_STEPS = 20
HIGH_LEARNING_RATE = 1e-3
LOW_LEARNING_RATE = 1e-7


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a job.

    Attributes:
        rows: training rows.
        steps_per_epoch: optimizer steps in an epoch.
        maximum_steps: optimizer steps in all.
        warmup_steps: steps in which the learning rate rises.
        effective_batch_size: rows per optimizer step.
        evaluate_every: steps between evaluations; None: after each epoch.
        save_every: steps between checkpoints; None: after each epoch.
    """

    rows: int
    steps_per_epoch: int
    maximum_steps: int
    warmup_steps: int
    effective_batch_size: int
    evaluate_every: int | None
    save_every: int | None

    @property
    def epochs(self) -> float:
        """Passes over the data in all."""
        return self.maximum_steps / self.steps_per_epoch

    def is_evaluation_due(self, step: int) -> bool:
        """Tell whether an evaluation belongs to a step."""
        if step == 0:
            return False
        return (
            step >= self.maximum_steps or step % (self.evaluate_every or self.steps_per_epoch) == 0
        )


def plan_steps(spec: FineTuneJobSpec, rows: int) -> Plan:
    """Count the steps."""
    training = spec.training
    batches = math.ceil(rows / training.batch_size)
    per_epoch = max(1, math.ceil(batches / training.gradient_accumulation_steps))
    maximum = training.max_steps or (training.epochs or 1) * per_epoch
    return Plan(
        rows=rows,
        steps_per_epoch=per_epoch,
        maximum_steps=maximum,
        warmup_steps=training.schedule.warmup_steps
        or math.ceil(maximum * (training.schedule.warmup_ratio or 0)),
        effective_batch_size=training.batch_size * training.gradient_accumulation_steps,
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
    if rate <= HIGH_LEARNING_RATE:
        return None
    return (
        f"training.learningRate is {rate:g}: above {HIGH_LEARNING_RATE:g} a model forgets what it"
        " knew; 2e-5 is usual"
    )


def warn_of_a_low_learning_rate(spec: FineTuneJobSpec, plan: Plan) -> str | None:
    """Such steps vanish in the rounding."""
    rate = spec.training.learning_rate or 0
    if rate >= LOW_LEARNING_RATE:
        return None
    return f"training.learningRate is {rate:g}: so small that nothing is learned; 2e-5 is usual"


RECIPE_LINTS: tuple[Lint, ...] = (
    warn_of_a_long_warmup,
    warn_of_few_steps,
    warn_of_a_large_batch,
    warn_of_a_high_learning_rate,
    warn_of_a_low_learning_rate,
)


def find_recipe_warnings(spec: FineTuneJobSpec, plan: Plan) -> list[str]:
    """Ask every rule."""
    return [warning for lint in RECIPE_LINTS if (warning := lint(spec, plan)) is not None]
