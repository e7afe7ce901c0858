from dataclasses import replace

import pytest

from finetune_api.v1alpha1.status import FoldMetric
from finetune_trainer.reporting.stages import Stage
from finetune_trainer.training.folds import (
    FoldResult,
    derive_seed,
    place_fold,
    place_refit,
    plan_refit,
    share_budget,
    summarize,
)
from finetune_trainer.training.plans import plan_steps
from trainer_tasks import a_spec


def a_result(number: int = 1, f1: float = 0.8, best_step: int = 10, steps: int = 20) -> FoldResult:
    return FoldResult(
        number=number,
        rows={"train": 80, "validation": 20},
        baseline={"f1": 0.3},
        scores={"f1": f1},
        best_step=best_step,
        steps=steps,
        stopped=None,
    )


def test_mean_and_sample_standard_deviation_of_each_metric() -> None:
    summary = summarize([a_result(1, 0.7), a_result(2, 0.8), a_result(3, 0.9)])

    assert summary.metrics == (FoldMetric(name="f1", mean=0.8, standard_deviation=0.1, folds=3),)
    assert summary.baseline == {"f1": pytest.approx(0.3)}


def test_one_fold_is_not_apart_from_itself() -> None:
    (metric,) = summarize([a_result()]).metrics

    assert (metric.standard_deviation, metric.folds) == (0.0, 1)


def test_a_fold_whose_metric_was_no_number_counts_for_the_others_only() -> None:
    broken = FoldResult(2, {}, {}, {}, best_step=20, steps=20, stopped=None)

    (metric,) = summarize([a_result(1, 0.7), broken]).metrics

    assert (metric.mean, metric.folds) == (0.7, 1)


def test_folds_and_refit_share_the_time_and_leave_what_they_do_not_need() -> None:
    first, second = replace(a_result(1), seconds=10.0), replace(a_result(2), seconds=40.0)

    assert share_budget(90, 1, 2, []) == 30
    assert share_budget(90, 2, 2, [first]) == 50
    assert share_budget(60, 2, 2, [second]) == 0


@pytest.mark.parametrize(
    ("best_steps", "refit_steps"),
    [
        pytest.param((10, 20, 31), 20, id="the mean, rounded"),
        pytest.param((7, 7), 7, id="all the same"),
    ],
)
def test_the_refit_takes_what_the_folds_took_to_their_best(
    best_steps: tuple[int, ...], refit_steps: int
) -> None:
    results = [a_result(n, best_step=step) for n, step in enumerate(best_steps, 1)]

    assert summarize(results).refit_steps == refit_steps


def test_the_refit_learns_as_fast_as_a_fold_did_at_the_same_step() -> None:
    spec = a_spec("TextClassification", training={"epochs": 4, "batchSize": 10})
    fold = plan_steps(spec, 80)
    summary = summarize([a_result(best_step=12)])

    plan = plan_refit(spec, 100, fold, summary)

    assert (plan.maximum_steps, plan.warmup_steps) == (fold.maximum_steps, fold.warmup_steps)
    assert (plan.steps_per_epoch, plan.last_step, plan.rows) == (10, 12, 100)
    assert not any(plan.is_evaluation_due(step) for step in range(50))


def test_each_fold_has_a_seed_of_its_own() -> None:
    seeds = [derive_seed(seed, number) for seed in (1, 2) for number in range(1, 21)]

    assert len(set(seeds)) == 40
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert derive_seed(1, 3) == seeds[2]


def test_the_first_fold_is_followed_by_all_others_and_a_refit_as_long() -> None:
    assert place_fold(1, 5, 30, []) == Stage("1/5", 0, 5 * 30, is_fold=True)


def test_a_later_fold_knows_what_the_others_took() -> None:
    done = [a_result(1, best_step=8, steps=16), a_result(2, best_step=12, steps=20)]

    assert place_fold(3, 5, 30, done) == Stage("3/5", 36, 2 * 30 + 10, is_fold=True)
    assert place_refit(summarize(done)) == Stage("refit", 36)


def test_folds_json_tells_of_each_fold_and_no_curve() -> None:
    content = summarize([a_result(1, 0.7), a_result(2, 0.9)]).to_json_dict()

    assert content["refitSteps"] == 10
    assert content["metrics"][0]["standardDeviation"] == pytest.approx(0.141421)
    assert content["folds"][0] == {
        "number": 1,
        "rows": {"train": 80, "validation": 20},
        "baseline": {"f1": 0.3},
        "scores": {"f1": 0.7},
        "bestStep": 10,
        "steps": 20,
        "stopped": None,
    }
