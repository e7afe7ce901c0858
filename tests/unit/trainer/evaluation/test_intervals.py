from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from finetune_trainer.evaluation.intervals import (
    EFFORTS,
    estimate_intervals,
    estimate_share,
    measure_rows,
)
from finetune_trainer.tasks.base import Encoded, Judged, Rows, Scores
from trainer_tasks import a_part, settings_of


def answers_to(values: Sequence[float]) -> Judged:
    """One number for each row, which is all that the metrics below look at."""
    part = a_part("test", text=[f"row {n}" for n in range(len(values))])
    features: list[Any] = [{"number": n} for n in range(len(values))]
    rows = Rows(part, Encoded(features, [1] * len(values)))
    return Judged({"values": np.asarray(values)}, rows, settings_of("TextClassification"), None)


def measure_mean(judged: Judged) -> Scores:
    values = judged.answers["values"]
    return {"accuracy": float(values.mean()), "loss": float(values.mean())}


@pytest.mark.parametrize(
    ("value", "rows", "low", "high"),
    [
        pytest.param(0.5, 100, 0.404, 0.596, id="a hundred rows: ten points"),
        pytest.param(0.8, 2000, 0.782, 0.817, id="two thousand rows: two points"),
        pytest.param(1.0, 50, 0.929, 1.0, id="no errors in fifty rows"),
    ],
)
def test_the_interval_of_a_share_says_how_much_is_chance(
    value: float, rows: int, low: float, high: float
) -> None:
    assert estimate_share(value, rows) == pytest.approx((low, high), abs=5e-4)


def test_drawing_anew_comes_to_what_the_formula_says_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(3.0, 2.0, size=400)
    judged = answers_to(values.tolist())
    scores = {"loss": float(values.mean())}

    low, high = estimate_intervals("TextClassification", judged, scores, measure_mean, 1)["loss"]

    half = 1.96 * values.std(ddof=1) / 20
    assert (high - low) / 2 == pytest.approx(half, rel=0.3)
    assert (high + low) / 2 == pytest.approx(values.mean())


def test_fewer_draws_of_many_rows_give_the_same_width() -> None:
    """Texts are slow to compare, so a hundred rows stand for all of them."""
    values = np.random.default_rng(0).normal(0.5, 0.1, size=3000)
    judged = answers_to(values.tolist())

    low, high = estimate_intervals("Seq2Seq", judged, measure_mean(judged), measure_mean, 1)["loss"]

    assert EFFORTS["Seq2Seq"].rows < len(values)
    assert (high - low) / 2 == pytest.approx(1.96 * 0.1 / np.sqrt(3000), rel=0.35)


def test_accuracy_has_its_formula_and_the_same_seed_gives_the_same() -> None:
    judged = answers_to([0.0, 1.0] * 50)
    scores = measure_mean(judged)

    first = estimate_intervals("TextClassification", judged, scores, measure_mean, 7)
    second = estimate_intervals("TextClassification", judged, scores, measure_mean, 7)

    assert first["accuracy"] == estimate_share(0.5, 100)
    assert first == second
    assert list(first) == ["accuracy", "loss"]


def test_the_accuracy_of_words_is_no_share_of_rows() -> None:
    judged = answers_to([0.5] * 40)

    found = estimate_intervals("TokenClassification", judged, measure_mean(judged), measure_mean, 7)

    assert found["accuracy"] == (0.5, 0.5)


def test_one_row_has_no_interval() -> None:
    judged = answers_to([1.0])

    assert estimate_intervals("TextClassification", judged, {"loss": 1.0}, measure_mean, 7) == {}


def test_rows_that_have_no_such_metric_are_left_out() -> None:
    def fail(judged: Judged) -> Scores:
        raise ValueError("only one label")

    assert measure_rows(answers_to([1.0, 2.0]), [0], fail) == {}


def test_a_metric_that_is_no_number_there_is_left_out() -> None:
    def measure(judged: Judged) -> Scores:
        return {"f1": 0.5, "mcc": float("nan")}

    assert measure_rows(answers_to([1.0, 2.0]), [0], measure) == {"f1": 0.5}
