from typing import Any

import pytest

from finetune_trainer.training.plans import Plan, find_recipe_warnings, plan_steps
from trainer_jobs import TrainerJob


def plan(job: TrainerJob, rows: int, **training: Any) -> Plan:
    return plan_steps(job.with_spec(training=training).resolve().spec, rows)


@pytest.mark.parametrize(
    ("training", "per_epoch", "maximum"),
    [
        pytest.param({"epochs": 3, "batchSize": 16}, 7, 21, id="the last batch may be short"),
        pytest.param(
            {"epochs": 1, "batchSize": 16, "gradientAccumulationSteps": 2}, 4, 4, id="accumulation"
        ),
        pytest.param({"epochs": None, "maxSteps": 5, "batchSize": 16}, 7, 5, id="maxSteps"),
        pytest.param({"epochs": 2, "batchSize": 1000}, 1, 2, id="a batch of all rows"),
    ],
)
def test_steps_are_counted(
    job: TrainerJob, training: dict[str, Any], per_epoch: int, maximum: int
) -> None:
    found = plan(job, 100, **training)

    assert (found.steps_per_epoch, found.maximum_steps) == (per_epoch, maximum)


def test_the_warm_up_is_six_percent_unless_said_otherwise(job: TrainerJob) -> None:
    assert plan(job, 1000, epochs=2, batchSize=10).warmup_steps == 12
    assert plan(job, 1000, schedule={"warmupSteps": 7}).warmup_steps == 7


@pytest.mark.parametrize(
    ("evaluation", "steps"),
    [
        pytest.param({}, [10, 20, 25], id="after each epoch and at the end"),
        pytest.param({"every": "Steps", "everySteps": 4}, [4, 8, 12, 16, 20, 24, 25], id="steps"),
    ],
)
def test_evaluations_are_due_at_known_steps(
    job: TrainerJob, evaluation: dict[str, Any], steps: list[int]
) -> None:
    job.with_spec(evaluation=evaluation)

    found = plan(job, 100, epochs=None, maxSteps=25, batchSize=10)

    assert [step for step in range(26) if found.is_evaluation_due(step)] == steps


def test_a_sound_recipe_is_no_warning(job: TrainerJob) -> None:
    spec = job.resolve().spec

    assert find_recipe_warnings(spec, plan_steps(spec, 1000)) == []


@pytest.mark.parametrize(
    ("training", "warning"),
    [
        pytest.param(
            {"schedule": {"warmupSteps": 500}},
            "training.schedule warms up for 500 steps, but the whole run has 26",
            id="the guides' 500 steps of warm-up",
        ),
        pytest.param(
            {"epochs": None, "maxSteps": 5}, "the whole run has 5 steps", id="hardly any steps"
        ),
        pytest.param(
            {"batchSize": 200}, "a step takes 200 rows, but there are only 100", id="a large batch"
        ),
        pytest.param(
            {"learningRate": 0.01}, "training.learningRate is 0.01: above 0.001", id="a high rate"
        ),
        pytest.param(
            {"learningRate": 1e-9}, "training.learningRate is 1e-09: so small", id="a low rate"
        ),
    ],
)
def test_an_unwise_recipe_is_told(job: TrainerJob, training: dict[str, Any], warning: str) -> None:
    spec = job.with_spec(training=training).resolve().spec

    warnings = find_recipe_warnings(spec, plan_steps(spec, 100))

    assert any(found.startswith(warning) for found in warnings)


@pytest.mark.parametrize(
    "warning",
    [
        pytest.param("only 100 rows are left to learn from", id="a fifth of little data"),
        pytest.param("all weights are trained on 100 rows", id="a whole model"),
    ],
)
def test_little_data_calls_for_another_way(job: TrainerJob, warning: str) -> None:
    spec = job.resolve().spec

    warnings = find_recipe_warnings(spec, plan_steps(spec, 100))

    assert any(found.startswith(warning) for found in warnings)


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        pytest.param(
            {"dataset": {"validation": {"folds": 5}}}, "only 100 rows", id="cross-validation"
        ),
        pytest.param(
            {"dataset": {"validation": {"source": "pvc://data/v.csv"}}}, "only 100", id="own rows"
        ),
        pytest.param({"method": {"type": "LoRA"}}, "all weights", id="an adapter"),
        pytest.param({"method": {"freeze": {"lowestLayers": 1}}}, "all weights", id="frozen"),
    ],
)
def test_who_goes_another_way_already_is_not_told(
    job: TrainerJob, changes: dict[str, Any], warning: str
) -> None:
    spec = job.with_spec(**changes).resolve().spec

    warnings = find_recipe_warnings(spec, plan_steps(spec, 100))

    assert not any(found.startswith(warning) for found in warnings)


def test_general_rows_are_counted_with_the_others(job: TrainerJob) -> None:
    job.with_spec(dataset={"replay": {"source": "pvc://data/general.csv", "ratio": 0.2}})

    found = plan(job, 80, epochs=3, batchSize=10)

    assert (found.rows, found.steps_per_epoch, found.maximum_steps) == (100, 10, 30)
