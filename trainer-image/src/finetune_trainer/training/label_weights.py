"""Lets every label weigh the same over the whole training, and not only within its step.

Batches are grouped by length, so one step may have several times the labels of another. If each
step took the mean of its own labels, a word of a short text would move the model more than a word
of a long one. `training.trainers` asks; design note 0008 has the figures. Needs torch.
"""

import numpy as np
import torch

from finetune_trainer.evaluation.likelihoods import IGNORED
from finetune_trainer.tasks.base import Rows

LABELS = "labels"
SAMPLED_ROWS = 1000
"""Enough for a mean within a few percent; some features are made anew for each look."""


def find_labels_per_step(rows: Rows, rows_per_step: int) -> float:
    """Say how many labels a step has on average.

    Args:
        rows: of the training part; each has labels, -100 where there is no target.
        rows_per_step: of all processes together.
    """
    stride = -(-len(rows) // SAMPLED_ROWS)
    looked_at = range(0, len(rows), stride)
    found = sum(np.count_nonzero(rows[place][LABELS] != IGNORED) for place in looked_at)
    return max(1.0, found / len(looked_at) * rows_per_step)


def scale_gradient(loss: torch.Tensor, weight: torch.Tensor | float) -> torch.Tensor:
    """Multiply what a loss does to the model, and leave the number that is shown as it is."""
    scaled = loss * weight
    return scaled + (loss - scaled).detach()
