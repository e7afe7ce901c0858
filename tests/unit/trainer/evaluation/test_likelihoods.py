import math

import numpy as np
import pytest
import torch

from finetune_trainer.evaluation import likelihoods
from finetune_trainer.evaluation.likelihoods import (
    ask_in_portions,
    describe_likelihoods,
    score_likelihoods,
    sum_likelihoods,
    sum_next_tokens,
)


def test_sums_are_those_of_the_targets_alone() -> None:
    logits = torch.log(torch.tensor([[[0.5, 0.5], [0.9, 0.1]], [[0.25, 0.75], [0.5, 0.5]]]))
    targets = torch.tensor([[1, 0], [0, -100]])

    sums = sum_likelihoods(logits, targets)

    assert sums["nll"].tolist() == pytest.approx([-math.log(0.5 * 0.9), -math.log(0.25)])
    assert sums["tokens"].tolist() == [2, 1]
    assert sums["hits"].tolist() == [1, 0]


def test_virtual_tokens_before_the_targets_are_left_out() -> None:
    logits = torch.randn(2, 5, 7)
    targets = torch.tensor([[1, 2], [3, -100]])

    with_prefix, without = sum_likelihoods(logits, targets), sum_likelihoods(logits[:, 3:], targets)

    assert with_prefix["nll"].tolist() == without["nll"].tolist()


def test_a_token_is_foretold_by_the_one_before_it() -> None:
    logits = torch.full((1, 3, 4), -30.0)
    logits[0, 0, 2] = logits[0, 1, 3] = 0.0

    sums = sum_next_tokens(logits, torch.tensor([[-100, 2, 3]]))

    assert sums["hits"].tolist() == [2]
    assert sums["nll"].tolist() == pytest.approx([0.0], abs=1e-9)


def test_a_batch_is_asked_in_portions_that_the_logits_have_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(likelihoods, "MAX_LOGIT_BYTES", 4 * 3 * 10 * 2)  # two rows
    batch = {"labels": torch.arange(15).reshape(5, 3)}
    sizes = []

    def ask(some: likelihoods.Batch) -> likelihoods.Sums:
        sizes.append(len(some["labels"]))
        return {"first": some["labels"][:, 0]}

    found = ask_in_portions(ask, batch, vocabulary=10)

    assert sizes == [2, 2, 1]
    assert found["first"].tolist() == [0, 3, 6, 9, 12]


def test_every_token_counts_alike_and_not_every_row() -> None:
    answers = {
        "nll": np.array([8.0, 1.0]),
        "tokens": np.array([8, 2]),
        "hits": np.array([4.0, 1.0]),
    }

    scores = score_likelihoods(answers)

    assert scores == {
        "perplexity": pytest.approx(math.exp(0.9)),
        "tokenAccuracy": 0.5,
        "loss": pytest.approx(0.9),
    }
    assert describe_likelihoods(answers)[0] == "perplexity 2.7 over 8 tokens"


def test_a_hopeless_model_has_a_perplexity_that_is_a_number() -> None:
    answers = {"nll": np.array([5000.0]), "tokens": np.array([1]), "hits": np.array([0.0])}

    assert math.isfinite(score_likelihoods(answers)["perplexity"])
