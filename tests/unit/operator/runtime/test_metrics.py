"""What is scraped: names, labels, and that nothing outlives its job."""

import re

from prometheus_client import CollectorRegistry

from finetune_api.v1alpha1.status import (
    EarlyStoppingStatus,
    ForgettingMetric,
    Metric,
    Metrics,
    SliceGap,
)
from finetune_operator.core import kinds
from finetune_operator.core.facts import ReceivedReport
from finetune_operator.core.records import Key
from finetune_operator.core.settings import Settings
from finetune_operator.runtime.metrics import build_renderer
from finetune_operator.runtime.store import Store
from operator_builders import NAME, NAMESPACE, NOW, UID, a_job, a_report, an_outcome

KEY = Key(NAMESPACE, NAME)


def scrape(store: Store, now: float = NOW) -> dict[str, float]:
    text = build_renderer(store, CollectorRegistry(), Settings(), lambda: now)()().decode()
    samples = re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in samples}


def a_store_with(raw: dict[str, object]) -> Store:
    store = Store()
    store.apply(kinds.FINETUNE_JOBS, raw)
    return store


def a_training_store() -> Store:
    store = a_store_with(a_job().in_queue().with_attempt().with_pod().seen_again().raw)
    report = a_report(
        step=50,
        maximum_steps=200,
        loss=0.5,
        evaluation_loss=0.4,
        metrics=Metrics(baseline=[Metric(name="f1", value=0.3)]),
        early_stopping=EarlyStoppingStatus(metric="f1", best=0.7, patience_remaining=2),
    )
    store.record_report(KEY, UID, ReceivedReport(report, NOW))
    return store


def test_a_training_job_is_told_in_full() -> None:
    samples = scrape(a_training_store())

    job = '{name="reviews",namespace="team"}'
    assert samples['finetune_jobs{namespace="team",state="Running"}'] == 1
    assert samples[f"finetune_job_progress_ratio{job}"] == 0.25
    assert samples[f"finetune_job_train_loss{job}"] == 0.5
    assert samples[f"finetune_job_eval_loss{job}"] == 0.4
    assert samples[f"finetune_job_early_stop_patience_remaining{job}"] == 2
    assert samples[f"finetune_job_last_report_timestamp_seconds{job}"] == NOW
    assert samples[f"finetune_job_restarts_total{job}"] == 0
    assert samples['finetune_job_best_metric{metric="f1",name="reviews",namespace="team"}'] == 0.7
    baseline = 'finetune_job_baseline_metric{metric="f1",name="reviews",namespace="team"}'
    assert samples[baseline] == 0.3


def a_gap(column: str, gap: float) -> SliceGap:
    ends = {"best": "a", "bestValue": 0.9, "worst": "b", "worstValue": 0.9 - gap}
    return SliceGap.model_validate({"column": column, "metric": "f1", "gap": gap, **ends})


def test_what_was_forgotten_and_the_worst_gap_are_told() -> None:
    store = a_training_store()
    compared = Metrics(
        forgetting=[ForgettingMetric(name="f1", before=0.9, after=0.8, drop=0.1)],
        slices=[a_gap("age", 0.3), a_gap("sex", 0.2)],
    )
    store.record_report(KEY, UID, ReceivedReport(a_report(metrics=compared), NOW))

    samples = scrape(store)

    labels = '{metric="f1",name="reviews",namespace="team"}'
    assert samples[f"finetune_job_forgetting_delta{labels}"] == 0.1
    assert samples[f"finetune_job_worst_slice_gap{labels}"] == 0.3


def test_a_condition_is_one_for_the_status_it_has() -> None:
    samples = scrape(a_training_store())

    running = {
        re.findall('status="(\\w+)"', name)[0]: value
        for name, value in samples.items()
        if 'condition="Running"' in name
    }
    assert running == {"true": 1, "false": 0, "unknown": 0}


def test_the_series_of_a_job_vanish_with_it() -> None:
    store = a_training_store()
    store.discard(kinds.FINETUNE_JOBS, UID, KEY)

    assert scrape(store) == {}


def test_numbers_of_a_finished_job_fade_and_its_state_stays() -> None:
    job = a_job().with_attempt().reporting(loss=0.5)
    job.with_pod(exit_code=0, message=an_outcome(report=a_report(loss=0.25))).completed()
    store = a_store_with(job.seen_again().raw)

    soon, late = scrape(store, NOW + 60), scrape(store, NOW + 4000)

    loss = 'finetune_job_train_loss{name="reviews",namespace="team"}'
    assert soon[loss] == 0.25
    assert loss not in late
    assert late['finetune_jobs{namespace="team",state="Succeeded"}'] == 1
    assert 'finetune_job_completion_timestamp_seconds{name="reviews",namespace="team"}' in late


def test_a_metric_that_a_pod_says_twice_is_exported_once() -> None:
    store = a_training_store()
    twice = Metrics(best=[Metric(name="f1", value=0.1), Metric(name="f1", value=0.2)])
    store.record_report(KEY, UID, ReceivedReport(a_report(metrics=twice), NOW))

    text = build_renderer(store, CollectorRegistry(), Settings(), lambda: NOW)()().decode()

    assert text.count("finetune_job_best_metric{") == 1
