"""Early stopping: a pure state machine, one step for each evaluation.

`callbacks.early_stopping` feeds it. The state travels in every checkpoint, so that patience
survives a preemption. It keeps the reference of patience only; which model is the best is kept,
with its weights, by `checkpoints.best`.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum

from finetune_api.v1alpha1.metrics import is_greater_better
from finetune_api.v1alpha1.training import EarlyStopping


class StopReason(StrEnum):
    """Why training ended early."""

    NO_IMPROVEMENT = "NoImprovement"
    TARGET_REACHED = "TargetReached"
    TIME_BUDGET = "TimeBudget"


@dataclass(frozen=True, slots=True)
class Policy:
    """When to stop; see spec.earlyStopping for the meaning of each."""

    metric: str
    greater_is_better: bool
    enabled: bool = True
    patience: int = 3
    min_delta: float = 0.0
    warmup_evaluations: int = 0
    target: float | None = None
    time_budget_seconds: float | None = None

    @classmethod
    def of(cls, spec: EarlyStopping) -> "Policy":
        """Read spec.earlyStopping; its metric must be resolved."""
        if spec.metric is None:
            raise ValueError("earlyStopping.metric is filled in when the job is resolved")
        return cls(
            metric=spec.metric,
            greater_is_better=is_greater_better(spec.metric),
            enabled=spec.enabled,
            patience=spec.patience,
            min_delta=spec.min_delta,
            warmup_evaluations=spec.warmup_evaluations,
            target=spec.target,
            time_budget_seconds=spec.time_budget_seconds,
        )

    def gain(self, value: float, reference: float) -> float:
        """Say by how much a value is better than another; negative when it is worse."""
        return value - reference if self.greater_is_better else reference - value


@dataclass(frozen=True, slots=True)
class StoppingState:
    """What is remembered between evaluations.

    Attributes:
        evaluations: how many there were.
        reference: the last value that counted as an improvement.
        misses: evaluations since then that patience counts.
        last_step: the step of the last evaluation.
        stopped: why training ended early; None while it goes on.
        stopped_step: when.
    """

    evaluations: int = 0
    reference: float | None = None
    misses: int = 0
    last_step: int = 0
    stopped: StopReason | None = None
    stopped_step: int | None = None


def judge(
    policy: Policy,
    state: StoppingState,
    value: float,
    step: int,
    maximum_steps: int,
    train_seconds: float = 0.0,
) -> StoppingState:
    """Take one evaluation into account; the one at the last step stops nothing any more.

    A gain counts when it is more than `min_delta` over the reference, and only then the reference
    moves: many small gains add up to one that counts. A value that is no number is a miss.
    """
    seen = replace(state, evaluations=state.evaluations + 1, last_step=step)
    if _is_improvement(policy, state, value):
        seen = replace(seen, reference=value, misses=0)
    elif seen.evaluations > policy.warmup_evaluations:
        seen = replace(seen, misses=state.misses + 1)
    is_last = step >= maximum_steps
    reason = None if is_last else _find_reason(policy, seen, value, train_seconds)
    return seen if reason is None else replace(seen, stopped=reason, stopped_step=step)


def count_patience(policy: Policy, state: StoppingState) -> int | None:
    """Say how many misses are left; None when early stopping is off."""
    return max(0, policy.patience - state.misses) if policy.enabled else None


def _is_improvement(policy: Policy, state: StoppingState, value: float) -> bool:
    if math.isnan(value):
        return False
    return state.reference is None or policy.gain(value, state.reference) > policy.min_delta


def _find_reason(
    policy: Policy, state: StoppingState, value: float, train_seconds: float
) -> StopReason | None:
    if not policy.enabled:
        return None
    if policy.target is not None and policy.gain(value, policy.target) >= 0:
        return StopReason.TARGET_REACHED
    if state.misses >= policy.patience:
        return StopReason.NO_IMPROVEMENT
    budget = policy.time_budget_seconds
    return StopReason.TIME_BUDGET if budget is not None and train_seconds >= budget else None
