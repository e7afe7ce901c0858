import math

import numpy as np
import pytest

from finetune_trainer.evaluation.classification import score_logits, score_majority


def test_right_answers_score_full_marks() -> None:
    logits = np.array([[9.0, 0.0], [0.0, 9.0]])

    scores = score_logits(logits, np.array([0, 1]))

    names = ("accuracy", "f1", "precision", "recall", "mcc")
    assert {name: scores[name] for name in names} == dict.fromkeys(names, 1.0)
    assert scores["loss"] == pytest.approx(math.log1p(math.exp(-9)))


def test_rare_labels_count_as_much_as_frequent_ones() -> None:
    targets = np.array([0] * 9 + [1])
    logits = np.tile([1.0, 0.0], (10, 1))

    scores = score_logits(logits, targets)

    assert scores["accuracy"] == 0.9
    assert scores["recall"] == 0.5
    assert scores["f1"] == pytest.approx(0.9474 / 2, abs=1e-4)


def test_the_loss_is_the_mean_over_rows_and_stays_finite() -> None:
    logits = np.array([[1000.0, -1000.0], [0.0, 0.0]], dtype=np.float32)

    assert score_logits(logits, np.array([0, 0]))["loss"] == pytest.approx(math.log(2) / 2)


def test_a_label_that_occurs_nowhere_does_not_count() -> None:
    logits = np.array([[9.0, 0.0, 0.0], [0.0, 9.0, 0.0]])

    assert score_logits(logits, np.array([0, 1]))["f1"] == 1.0


def test_the_majority_baseline_knows_the_training_labels_only() -> None:
    train = ["a", "a", "a", "b"]

    scores = score_majority(train, ["a", "b", "b", "b"], ("a", "b"))

    assert scores["accuracy"] == 0.25
    assert scores["mcc"] == 0.0
    assert scores["loss"] == pytest.approx(-(math.log(4 / 6) + 3 * math.log(2 / 6)) / 4)


def test_a_label_that_training_lacks_makes_no_infinite_loss() -> None:
    assert math.isfinite(score_majority(["a", "b"], ["c"], ("a", "b", "c"))["loss"])
