"""What a report becomes in a status, and what is kept out of it."""

import math

import pytest

from finetune_api.v1alpha1.status import (
    FoldMetric,
    ForgettingMetric,
    HistoryPoint,
    Metric,
    Metrics,
    SliceGap,
)
from finetune_operator.core import progress
from finetune_operator.core.rules import decide
from operator_builders import NOW, a_job, a_report, a_running_job


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        pytest.param(0, "0s", id="nothing left"),
        pytest.param(45.9, "45s", id="seconds"),
        pytest.param(200, "3m20s", id="minutes and seconds"),
        pytest.param(4320, "1h12m", id="hours and minutes"),
        pytest.param(3600, "1h", id="a round hour"),
        pytest.param(187_200, "2d4h", id="days and hours"),
    ],
)
def test_durations_are_shown_in_two_units(seconds: float, shown: str) -> None:
    assert progress.show_duration(seconds) == shown


def test_numbers_have_six_significant_digits() -> None:
    assert progress.round_number(0.123456789) == 0.123457
    assert progress.round_number(2e-5) == 2e-05
    assert progress.round_number(math.nan) is None


def test_a_report_becomes_progress() -> None:
    report = a_report(step=662, maximum_steps=1140, loss=0.4242424242, eta_seconds=4320.0)

    shown = progress.build_progress(report, NOW, "f1")

    assert (shown.steps, shown.display, shown.percent) == ("662/1140", "58%", 58)
    assert (shown.loss, shown.eta, shown.eta_seconds) == (0.424242, "1h12m", 4320)


def test_a_report_about_another_attempt_is_dropped() -> None:
    plan = decide(a_running_job().reporting(attempt=2, step=5).facts())

    assert plan.status.progress is None


def test_a_report_about_another_job_is_dropped() -> None:
    plan = decide(a_running_job().reporting(job_uid="another", step=5).facts())

    assert plan.status.progress is None


def test_the_leading_metric_is_shown() -> None:
    measured = Metrics(best=[Metric(name="loss", value=0.5), Metric(name="f1", value=0.81234)])

    assert progress.show_metric(a_report(metrics=measured), "f1") == "f1 0.8123"


def test_a_long_curve_is_thinned_to_fifty_points_with_its_ends_and_evaluations() -> None:
    curve = [
        HistoryPoint(step=s, loss=1.0, evaluation_loss=0.5 if s % 20 == 0 else None)
        for s in range(1, 201)
    ]

    thin = progress.thin_history(curve)

    assert len(thin) == 50
    assert (thin[0].step, thin[-1].step) == (1, 200)
    assert {s for s in range(20, 201, 20)} <= {p.step for p in thin}
    assert [p.step for p in thin] == sorted({p.step for p in thin})


def test_a_resumed_attempt_replaces_the_lost_part_of_the_curve() -> None:
    before = [HistoryPoint(step=s, loss=9.0) for s in (10, 20, 30, 40)]
    reported = [HistoryPoint(step=25, loss=1.0), HistoryPoint(step=35, loss=1.0)]

    assert [p.step for p in progress.merge_history(before, reported)] == [10, 20, 25, 35]


def test_progress_alone_is_written_every_ten_seconds() -> None:
    job = a_running_job().reporting(step=1, loss=1.0).seen_again()

    soon = decide(job.at(NOW + 4).reporting(NOW + 4, step=2, loss=0.9).facts())
    later = decide(job.at(NOW + 10).reporting(NOW + 10, step=3, loss=0.8).facts())

    assert soon.status == job.facts().before
    assert soon.recheck_seconds == 6
    assert later.status.progress is not None
    assert later.status.progress.step == 3


def test_a_report_that_says_nothing_new_is_written_more_seldom() -> None:
    job = a_running_job().reporting(step=1).seen_again()

    plan = decide(job.at(NOW + 30).reporting(NOW + 30, step=1).facts())

    assert plan.status == job.facts().before
    assert plan.recheck_seconds == 30


def test_what_the_first_attempt_resolved_is_held_to() -> None:
    job = a_running_job().reporting(resolved={"modelRevision": "aaa"}).seen_again()

    plan = decide(job.at(NOW + 60).reporting(NOW + 60, resolved={"modelRevision": "bbb"}).facts())

    assert plan.status.resolved is not None
    assert plan.status.resolved.model_revision == "aaa"
    assert plan.status.resolved.seed == 42


def test_a_pod_that_starts_quickly_is_not_worth_a_write_of_its_own() -> None:
    job = a_job().with_attempt().seen_again()
    job.without_attempts().with_attempt().with_pod(waiting="ContainerCreating", scheduled_at=NOW)

    soon, late = decide(job.facts()), decide(job.at(NOW + 2).facts())

    assert soon.status == job.facts().before
    assert soon.recheck_seconds == 2
    assert late.status.pod_names == ["reviews-1-0-a"]


def test_the_fold_is_shown_beside_the_percentage_of_the_whole_job() -> None:
    shown = progress.build_progress(a_report(step=60, maximum_steps=150, fold="2/5"), NOW, "f1")

    assert (shown.fold, shown.percent, shown.display) == ("2/5", 40, "40% (2/5)")


def test_mean_and_spread_of_the_folds_are_taken_over() -> None:
    folds = [
        FoldMetric(name="f1\x1b", mean=0.123456789, standard_deviation=0.01, folds=5),
        FoldMetric(name="loss", mean=math.nan, standard_deviation=0.0, folds=5),
    ]

    merged = progress.merge_metrics(None, Metrics(folds=folds))

    assert merged is not None
    assert merged.folds == [FoldMetric(name="f1", mean=0.123457, standard_deviation=0.01, folds=5)]
    assert progress.merge_metrics(merged, Metrics()) == merged


def test_what_was_forgotten_and_how_far_groups_are_apart_is_taken_over() -> None:
    drops = [
        ForgettingMetric(name="f1\x1b", before=0.9, after=0.8, drop=0.100000001),
        ForgettingMetric(name="loss", before=0.1, after=math.inf, drop=math.inf),
    ]
    gap = SliceGap(
        column="age",
        metric="f1",
        best="young\n",
        best_value=0.9,
        worst="old",
        worst_value=0.6,
        gap=0.3000000001,
    )

    merged = progress.merge_metrics(None, Metrics(forgetting=drops, slices=[gap]))

    assert merged is not None
    assert merged.forgetting == [ForgettingMetric(name="f1", before=0.9, after=0.8, drop=0.1)]
    assert merged.slices == [gap.model_copy(update={"best": "young", "gap": 0.3})]
    assert progress.merge_metrics(merged, Metrics()) == merged
