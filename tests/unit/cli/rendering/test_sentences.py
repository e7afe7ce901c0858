from typing import Any

import pytest

from cli_builders import build_job, build_report
from finetune_api.v1alpha1.status import HistoryPoint, Resolved
from kubectl_finetune.rendering import sentences

BEST = {"metric": "f1", "best": 0.8123, "bestStep": 420, "patienceRemaining": 1}
STOPPED = {
    "patienceRemaining": 0,
    "stopped": True,
    "reason": "NoImprovement",
    "stoppedStep": 600,
    "stepsSaved": 540,
}


@pytest.mark.parametrize(
    ("changes", "report", "sentence"),
    [
        pytest.param(
            {},
            {"step": 600, "maximumSteps": 1140, "earlyStopping": BEST | STOPPED},
            "stopped early at step 600 of 1140: f1 did not improve for 3 evaluations;"
            " best 0.812 at step 420; saved 540 steps",
            id="no improvement",
        ),
        pytest.param(
            {"spec.earlyStopping": {"patience": 1}},
            {"step": 600, "maximumSteps": 1140, "earlyStopping": BEST | STOPPED},
            "stopped early at step 600 of 1140: f1 did not improve for one evaluation;"
            " best 0.812 at step 420; saved 540 steps",
            id="a patience of one",
        ),
        pytest.param(
            {"spec.earlyStopping": {"target": 0.8}},
            {
                "step": 420,
                "maximumSteps": 1140,
                "earlyStopping": BEST
                | {
                    "stopped": True,
                    "reason": "TargetReached",
                    "stoppedStep": 420,
                    "stepsSaved": 720,
                },
            },
            "stopped early at step 420 of 1140: f1 reached the target 0.8;"
            " best 0.812 at step 420; saved 720 steps",
            id="the target is reached",
        ),
        pytest.param(
            {},
            {"step": 1140, "maximumSteps": 1140, "earlyStopping": BEST},
            "trained all 1140 steps; best f1 0.812 at step 420 was kept",
            id="trained to the end",
        ),
        pytest.param({}, {"step": 9}, "trained all 9 steps", id="nothing was followed"),
    ],
)
def test_the_end_of_training_is_told_in_words(
    changes: dict[str, Any], report: dict[str, Any], sentence: str
) -> None:
    spec = build_job(changes).spec

    assert sentences.describe_end_of_training(build_report(**report), spec) == sentence


@pytest.mark.parametrize(
    ("point", "metric", "line"),
    [
        pytest.param(
            {"step": 420, "metric": 0.8123, "evaluationLoss": 0.4567},
            "f1",
            "step 420   f1 0.812   validation loss 0.4567   best so far",
            id="the best",
        ),
        pytest.param(
            {"step": 480, "metric": 0.8},
            "f1",
            "step 480   f1 0.800   no improvement since step 420",
            id="a worse one",
        ),
        pytest.param(
            {"step": 420, "metric": 0.4567, "evaluationLoss": 0.4567},
            "loss",
            "step 420   validation loss 0.4567   best so far",
            id="a followed loss is not told twice",
        ),
    ],
)
def test_an_evaluation_is_one_line(point: dict[str, Any], metric: str, line: str) -> None:
    best = HistoryPoint(step=420, metric=0.8123)

    told = sentences.describe_evaluation(HistoryPoint.model_validate(point), metric, best)

    assert told == line


def test_the_numbers_of_a_running_training_fit_in_one_line() -> None:
    report = build_report(phase="Train", loss=0.41416, earlyStopping=BEST, etaSeconds=72)

    line = sentences.describe_numbers(report)

    assert line == "loss 0.4142 · best f1 0.812 @420 · patience 1 · ETA 1m12s"


def test_no_time_is_promised_once_training_is_over() -> None:
    assert sentences.describe_numbers(build_report(phase="Test", etaSeconds=0)) == ""


@pytest.mark.parametrize(
    ("trainable", "line"),
    [
        pytest.param(22_713_986, "model: 22.7M weights, all trained, BFloat16", id="all"),
        pytest.param(770, "model: 22.7M weights, 770 trained, BFloat16", id="the head"),
    ],
)
def test_the_model_is_told_with_what_moves(trainable: int, line: str) -> None:
    resolved = Resolved.model_validate(
        {"parameters": {"total": 22_713_986, "trainable": trainable}, "precision": "BFloat16"}
    )

    assert sentences.describe_model(resolved) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(9.4, "9s"), (72, "1m12s"), (60, "1m00s"), (7380, "2h03m"), (3599.7, "1h00m")],
)
def test_times_read_as_people_say_them(seconds: float, text: str) -> None:
    assert sentences.format_duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(940, "940"), (22_713_986, "22.7M"), (1_240_000_000, "1.24B")]
)
def test_counts_have_three_digits(count: int, text: str) -> None:
    assert sentences.format_count(count) == text


@pytest.mark.parametrize(
    ("fold", "shown"),
    [
        pytest.param(None, "training", id="the only training"),
        pytest.param("2/5", "training, fold 2/5", id="a fold"),
        pytest.param("refit", "training, refit", id="the training on all rows"),
    ],
)
def test_the_fold_is_named_beside_the_phase(fold: str | None, shown: str) -> None:
    assert sentences.describe_phase(build_report(phase="Train", fold=fold)) == shown
