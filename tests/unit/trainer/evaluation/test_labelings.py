import math

import numpy as np
import pytest

from finetune_trainer.evaluation.labelings import (
    describe_logits,
    mark_labels,
    score_commonest,
    score_logits,
)

LABELS = ("film", "long", "praise")


def test_each_label_of_a_row_has_its_mark() -> None:
    marks = mark_labels([["praise", "film"], []], LABELS)

    assert marks.tolist() == [[1, 0, 1], [0, 0, 0]]


def test_right_answers_score_full_marks() -> None:
    targets = mark_labels([["film"], ["long", "praise"], []], LABELS)

    scores = score_logits(targets * 20 - 10, targets)

    names = ("accuracy", "f1", "precision", "recall", "mcc")
    assert {name: scores[name] for name in names} == dict.fromkeys(names, 1.0)
    assert scores["loss"] == pytest.approx(math.log1p(math.exp(-10)))


def test_one_wrong_label_makes_the_row_wrong_and_the_average_is_macro() -> None:
    targets = mark_labels([["film", "long"], ["film"]], LABELS)
    logits = np.array([[9.0, -9.0, -9.0], [9.0, -9.0, -9.0]])

    scores = score_logits(logits, targets)

    assert scores["accuracy"] == 0.5
    # film is right in both rows, long was never found, praise occurs nowhere and does not count.
    assert scores["f1"] == scores["recall"] == 0.5


def test_the_loss_is_that_of_the_training() -> None:
    from torch import from_numpy
    from torch.nn.functional import binary_cross_entropy_with_logits

    targets = mark_labels([["film"], ["long", "praise"]], LABELS)
    logits = np.array([[0.3, -700.0, 2.0], [-1.0, 800.0, 0.0]], dtype=np.float32)

    expected = binary_cross_entropy_with_logits(from_numpy(logits), from_numpy(targets))

    assert score_logits(logits, targets)["loss"] == pytest.approx(float(expected), rel=1e-5)


def test_the_baseline_answers_with_the_commonest_set_of_the_training_rows() -> None:
    train = [["film", "praise"], ["praise", "film"], ["film"]]

    scores = score_commonest(train, [["film", "praise"], ["long"]], LABELS)

    assert scores["accuracy"] == 0.5
    assert scores["recall"] == pytest.approx(2 / 3)
    assert math.isfinite(scores["loss"])


def test_labels_are_named_from_the_likeliest_down() -> None:
    logits = np.array([[0.1, -3.0, 2.0], [-1.0, -1.0, -1.0]])

    assert describe_logits(logits, LABELS) == ["praise 0.88, film 0.52", "none"]
