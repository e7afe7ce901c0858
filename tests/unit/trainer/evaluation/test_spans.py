import math

import numpy as np
import pytest

from finetune_trainer.evaluation.spans import (
    Span,
    find_best_span,
    measure_loss,
    normalize_answer,
    score_answers,
)


def test_the_likeliest_span_ends_behind_its_start() -> None:
    starts = np.array([0.0, 0.0, 5.0, 0.0])
    ends = np.array([9.0, 0.0, 1.0, 2.0])

    assert find_best_span(starts, ends) == Span(9.0, 0, 0)
    assert find_best_span(starts, ends - [9, 0, 0, 0]) == Span(7.0, 2, 3)


def test_a_span_is_no_longer_than_allowed() -> None:
    starts, ends = np.array([5.0, 0, 0, 0]), np.array([0, 0, 0, 9.0])

    assert find_best_span(starts, ends, longest=4) == Span(14.0, 0, 3)
    assert find_best_span(starts, ends, longest=3).score == 9.0


def test_logits_below_the_filling_of_short_rows_are_no_problem() -> None:
    logits = np.array([-500.0, -400.0], dtype=np.float32)

    assert find_best_span(logits, logits) == Span(-800.0, 1, 1)


@pytest.mark.parametrize(
    ("given", "wanted", "f1", "exact"),
    [
        pytest.param("The Eiffel Tower!", ["eiffel tower"], 1.0, 1.0, id="case, article, stop"),
        pytest.param("in Paris, France", ["Paris"], 0.5, 0.0, id="some words too many"),
        pytest.param("Paris", ["London", "Paris"], 1.0, 1.0, id="the best of several answers"),
        pytest.param("", [], 1.0, 1.0, id="rightly none"),
        pytest.param("Paris", [], 0.0, 0.0, id="one where there is none"),
        pytest.param("", ["Paris"], 0.0, 0.0, id="none where there is one"),
        pytest.param("a the", ["an"], 1.0, 1.0, id="articles alone are nothing"),
    ],
)  # fmt: skip
def test_answers_are_scored_as_squad_does(
    given: str, wanted: list[str], f1: float, exact: float
) -> None:
    assert score_answers([given], [wanted]) == {"f1": pytest.approx(f1), "exactMatch": exact}


def test_articles_inside_words_stay() -> None:
    assert normalize_answer("A theatre, an  Anchor") == "theatre anchor"


def test_the_loss_of_a_position_is_its_cross_entropy() -> None:
    assert measure_loss(np.array([1e4, 0.0], dtype=np.float32), 0) == 0.0
    assert measure_loss(np.zeros(4), 2) == pytest.approx(math.log(4))
