import math

from finetune_api.v1alpha1.status import FoldMetric, ForgettingMetric, Metric, Metrics, SliceGap
from finetune_trainer.tracking.scalars import (
    read_baseline,
    read_evaluation,
    read_summary,
    read_training,
)


def test_a_step_is_told_by_the_names_of_the_status() -> None:
    logs = {"loss": 0.5, "grad_norm": 2.0, "learning_rate": 1e-5, "epoch": 0.5, "other": 1.0}

    assert read_training(logs) == {
        "train/loss": 0.5,
        "train/learningRate": 1e-5,
        "train/gradientNorm": 2.0,
        "train/epoch": 0.5,
    }


def test_a_log_without_a_loss_tells_of_no_step() -> None:
    assert read_training({"eval_loss": 0.5, "epoch": 1.0}) == {}


def test_what_is_no_number_is_left_out() -> None:
    assert read_training({"loss": 0.5, "grad_norm": math.nan}) == {"train/loss": 0.5}
    assert read_evaluation({"loss": math.inf, "f1": 0.5}) == {"evaluation/f1": 0.5}


def test_what_was_before_and_what_became_of_it_are_told_apart() -> None:
    metrics = Metrics(
        baseline=[Metric(name="f1", value=0.3)],
        test_baseline=[Metric(name="f1", value=0.31)],
        best=[Metric(name="f1", value=0.8)],
        test=[Metric(name="f1", value=0.79)],
    )

    assert read_baseline(metrics) == {"baseline/f1": 0.3, "testBaseline/f1": 0.31}
    assert read_summary(metrics) == {"best/f1": 0.8, "test/f1": 0.79}


def test_folds_forgetting_and_gaps_are_part_of_the_summary() -> None:
    metrics = Metrics(
        folds=[FoldMetric(name="f1", mean=0.8, standard_deviation=0.05, folds=5)],
        forgetting=[ForgettingMetric(name="accuracy", before=0.9, after=0.8, drop=0.1)],
        slices=[
            SliceGap(
                column="who/language?",
                metric="f1",
                gap=0.2,
                best="en",
                best_value=0.9,
                worst="fi",
                worst_value=0.7,
            )
        ],
    )

    assert read_summary(metrics) == {
        "folds/f1/mean": 0.8,
        "folds/f1/standardDeviation": 0.05,
        "forgetting/accuracy/drop": 0.1,
        "slices/who_language_/f1/gap": 0.2,
    }


def test_nothing_measured_is_nothing_told() -> None:
    assert (read_baseline(None), read_summary(None)) == ({}, {})
