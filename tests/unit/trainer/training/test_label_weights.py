"""How many labels a step has must be known before the first one."""

from typing import Any

import numpy as np
import pytest
import torch

from finetune_trainer.tasks.base import Encoded, Rows
from finetune_trainer.training.label_weights import (
    SAMPLED_ROWS,
    find_labels_per_step,
    scale_gradient,
)
from trainer_tasks import a_part


def rows_of(counts: list[int]) -> Rows:
    """Rows of so many labels each, with two more that do not count."""
    features: list[Any] = [{"labels": np.array([-100, -100, *[7] * n])} for n in counts]
    return Rows(a_part(text=["x"] * len(counts)), Encoded(features, counts))


def test_labels_are_counted_without_those_that_are_no_targets() -> None:
    assert find_labels_per_step(rows_of([1, 2, 3, 6]), rows_per_step=2) == 6


def test_of_many_rows_some_from_everywhere_are_looked_at() -> None:
    counts = [1] * 2 * SAMPLED_ROWS + [3] * 2 * SAMPLED_ROWS

    assert find_labels_per_step(rows_of(counts), rows_per_step=8) == 16


def test_rows_without_any_label_divide_nothing_by_zero() -> None:
    assert find_labels_per_step(rows_of([0, 0]), rows_per_step=8) == 1


def test_a_gradient_is_scaled_and_the_loss_that_is_shown_is_not() -> None:
    weights = torch.tensor([2.0], requires_grad=True)
    loss = scale_gradient((weights**2).sum(), 3.0)
    loss.backward()

    assert loss.item() == pytest.approx(4)
    assert weights.grad is not None
    assert weights.grad.item() == pytest.approx(12)
