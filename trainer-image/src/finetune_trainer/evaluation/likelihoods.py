"""How likely a model finds texts: sums for each row, and the metrics that follow from them.

The language-model tasks use it. A batch is reduced to three numbers for each row at once: all
logits of a part, [rows, tokens, vocabulary], would not fit into any memory.
"""

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from finetune_trainer.tasks.base import Answers, Batch, Scores

if TYPE_CHECKING:
    import torch

IGNORED = -100
"""The label of a token that no loss counts."""
MAX_LOGIT_BYTES = 256 * 2**20
LARGEST_EXPONENT = 700.0
"""exp of more is no float any more."""

Sums = Mapping[str, "torch.Tensor"]


def sum_likelihoods(logits: "torch.Tensor", targets: "torch.Tensor") -> Sums:
    """Sum up, for each row, what the model made of its targets.

    Args:
        logits: [rows, tokens, vocabulary]; what goes before the targets, such as virtual tokens, is
            left out.
        targets: [rows, tokens]; -100 where there is none.

    Returns:
        nll, the negative log likelihood, tokens, the number of targets, and hits, how many of them
        the likeliest token was; each [rows].
    """
    import torch

    kept = targets != IGNORED
    wanted = targets[kept]
    picked = logits[:, -targets.shape[1] :][kept].float()
    losses = torch.nn.functional.cross_entropy(picked, wanted, reduction="none")
    row_of = kept.nonzero()[:, 0]
    zeros = torch.zeros(len(targets), dtype=torch.float64, device=targets.device)
    return {
        "nll": zeros.index_add(0, row_of, losses.double()),
        "tokens": kept.sum(dim=1),
        "hits": zeros.index_add(0, row_of, (picked.argmax(dim=-1) == wanted).double()),
    }


def sum_next_tokens(logits: "torch.Tensor", labels: "torch.Tensor") -> Sums:
    """Sum up what a model that reads from left to right made of each token's follower."""
    return sum_likelihoods(logits[:, :-1], labels[:, 1:])


def ask_in_portions(ask: Callable[[Batch], Sums], batch: Batch, vocabulary: int) -> Sums:
    """Ask about as many rows at once as the logits of have room.

    Batches of an evaluation are four times as large as those of the training; with a vocabulary of
    150,000 the logits of one would take tens of gigabytes.
    """
    import torch

    rows, tokens = batch["labels"].shape
    portion = max(1, MAX_LOGIT_BYTES // (4 * tokens * vocabulary))
    found = [
        ask({name: values[start : start + portion] for name, values in batch.items()})
        for start in range(0, rows, portion)
    ]
    return {name: torch.cat([sums[name] for sums in found]) for name in found[0]}


def score_likelihoods(answers: Answers) -> Scores:
    """Score the sums of all rows: perplexity and loss for each token, and the share of hits."""
    loss = measure_loss(answers)
    return {
        "perplexity": math.exp(min(loss, LARGEST_EXPONENT)),
        "tokenAccuracy": float(answers["hits"].sum() / answers["tokens"].sum()),
        "loss": loss,
    }


def measure_loss(answers: Answers) -> float:
    """Give the mean loss of all tokens of all rows."""
    nll: np.ndarray[Any, Any] = answers["nll"].astype(np.float64)
    return float(nll.sum() / answers["tokens"].sum())


def describe_likelihoods(answers: Answers) -> list[str]:
    """Say how well each row was foreseen: `perplexity 12.3 over 17 tokens`."""
    means = answers["nll"] / np.maximum(answers["tokens"], 1)
    return [
        f"perplexity {math.exp(min(float(mean), LARGEST_EXPONENT)):.1f} over {int(tokens)} tokens"
        for mean, tokens in zip(means, answers["tokens"], strict=True)
    ]
