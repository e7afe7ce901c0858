import numpy as np
import pytest

from finetune_trainer.evaluation.regression import score_mean, score_numbers


def test_numbers_are_scored_by_their_distance_and_their_order() -> None:
    scores = score_numbers(np.array([1.0, 2.0, 5.0]), np.array([1.0, 3.0, 4.0]))

    assert scores["mae"] == pytest.approx(2 / 3)
    assert scores["rmse"] == pytest.approx((2 / 3) ** 0.5)
    assert scores["loss"] == pytest.approx(2 / 3)
    assert scores["r2"] == pytest.approx(1 - 2 / (14 / 3))
    assert scores["spearman"] == pytest.approx(1.0)
    assert 0.8 < scores["pearson"] < 1


def test_ranks_of_equal_numbers_are_shared() -> None:
    # The ranks 1.5, 1.5, 3 against 1, 2, 3.
    scores = score_numbers(np.array([7.0, 7.0, 9.0]), np.array([1.0, 2.0, 3.0]))

    assert scores["spearman"] == pytest.approx(0.8660254)


@pytest.mark.parametrize("constant", [0.1, -3.7, 0.0])
def test_an_answer_that_never_changes_correlates_with_nothing(constant: float) -> None:
    scores = score_numbers(np.full(7, constant), np.arange(7.0))

    assert (scores["pearson"], scores["spearman"]) == (0.0, 0.0)


def test_one_row_is_scored_too() -> None:
    assert score_numbers(np.array([2.0]), np.array([1.0]))["r2"] == 0.0


def test_the_baseline_is_the_mean_of_the_training_rows() -> None:
    scores = score_mean([0.0, 2.0], [1.0, 4.0])

    assert scores["mae"] == 1.5
    assert scores["rmse"] == pytest.approx(4.5**0.5)
