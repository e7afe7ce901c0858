"""Our sums against those of scikit-learn, whose definitions they are."""

import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef, precision_recall_fscore_support, r2_score

from finetune_trainer.evaluation import classification, labelings, regression
from finetune_trainer.evaluation.averages import average_over_labels, correlate

SEEDS = range(20)


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_labels_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    count = int(random.integers(2, 6))
    targets, answers = random.integers(0, count, (2, int(random.integers(1, 40))))

    scores = classification.score_numbers(targets, answers, count + 1)

    present = np.union1d(targets, answers)
    precision, recall, f1, _ = precision_recall_fscore_support(
        targets, answers, labels=present, average="macro", zero_division=0.0
    )
    wanted = {"precision": precision, "recall": recall, "f1": f1}
    wanted |= {"accuracy": (targets == answers).mean()}
    wanted |= {"mcc": matthews_corrcoef(targets, answers) if len(present) > 1 else 0.0}
    assert scores == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_scores_of_several_labels_are_those_of_scikit_learn(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (int(random.integers(2, 30)), int(random.integers(2, 5)))
    targets = random.integers(0, 2, shape)
    logits = random.normal(size=shape)

    scores = labelings.score_logits(logits, targets)

    answers = (logits >= 0).astype(int)
    present = np.flatnonzero((targets + answers).any(axis=0))
    precision, recall, f1, _ = precision_recall_fscore_support(
        targets, answers, labels=present, average="macro", zero_division=0.0
    )
    wanted = {"precision": precision, "recall": recall, "f1": f1}
    wanted |= {"mcc": matthews_corrcoef(targets.ravel(), answers.ravel())}
    assert {name: scores[name] for name in wanted} == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_explained_variance_is_that_of_scikit_learn(seed: int) -> None:
    wanted, given = np.random.default_rng(seed).normal(size=(2, 15))

    assert regression.score_numbers(given, wanted)["r2"] == pytest.approx(r2_score(wanted, given))


def test_numbers_that_are_all_alike_leave_nothing_to_explain() -> None:
    assert regression.score_numbers(np.array([1.0, 2.0]), np.array([3.0, 3.0]))["r2"] == 0.0


def test_labels_that_nobody_has_and_nobody_is_given_have_no_average() -> None:
    nothing = np.zeros(3)

    assert set(average_over_labels(nothing, nothing, nothing).values()) == {0.0}


def test_answers_that_never_change_tell_nothing() -> None:
    assert correlate(np.array([[3, 0], [2, 0]])) == 0.0
