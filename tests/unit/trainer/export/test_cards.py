from typing import Any

from finetune_api.v1alpha1.status import (
    Cost,
    EarlyStoppingStatus,
    ForgettingMetric,
    SliceGap,
)
from finetune_trainer.evaluation.findings import NO_FINDINGS, Findings
from finetune_trainer.export.cards import write_card
from finetune_trainer.reporting.board import Board
from trainer_jobs import TrainerJob


def a_card(job: TrainerJob, findings: Findings = NO_FINDINGS, **compared: Any) -> str:
    board = Board("uid", 1)
    board.update(
        step=40,
        maximum_steps=100,
        early_stopping=EarlyStoppingStatus(
            metric="f1", best_step=20, stopped=True, reason="NoImprovement"
        ),
    )
    board.resolve(
        dataset_fingerprint="f00d", rows={"train": 80, "test": 2000}, labels=["bad", "good"]
    )
    board.warn("test has 20 rows: differences of several points are chance")
    board.measure("test_baseline", {"accuracy": 0.5})
    board.measure("test", {"accuracy": 0.8, "loss": 0.4})
    board.compare(**compared)
    return write_card(job.resolve(), board.snapshot(), findings=findings)


def test_a_card_compares_with_the_baseline_and_gives_rows_and_interval(job: TrainerJob) -> None:
    card = a_card(job, Findings(intervals={"test": {"accuracy": (0.7819, 0.8171)}}))

    assert "| Test | 2000 | accuracy | 0.8000 | 0.782 to 0.817 | 0.5000 |" in card
    assert "| Test | 2000 | loss | 0.4000 |  |  |" in card


GAP = SliceGap(
    column="age", metric="f1", best="young", best_value=0.9, worst="old", worst_value=0.6, gap=0.3
)
GROUPS = {
    "age": {
        "gap": GAP.to_json_dict(),
        "groups": [
            {"value": "young", "n": 50, "metrics": {"f1": 0.9}},
            {"value": "old|er", "n": 30, "metrics": {"f1": 0.6}},
            {"value": "child", "n": 1, "metrics": {}},
        ],
    }
}


def test_a_card_says_whether_it_was_examined_for_bias(job: TrainerJob) -> None:
    assert "- It was not examined for bias." in a_card(job)

    card = a_card(job, Findings(slices=GROUPS), slices=[GAP])

    assert "- It was examined for bias by age, and by nothing else: f1 is 0.6 where age is" in card
    for line in ("| young | 50 | 0.9000 |", "| old\\|er | 30 | 0.6000 |", "| child | 1 |  |"):
        assert line in card.splitlines()


def test_a_card_tells_forgetting_probes_and_cost(job: TrainerJob) -> None:
    answers = [{"text": "two\nlines", "before": None, "after": "good 0.9"}]
    findings = Findings(
        probes={"beforeIsNullBecause": "it is new", "probes": answers},
        cost=Cost(cpu_seconds=90, gpu_seconds=60),
    )
    drop = ForgettingMetric(name="f1", before=0.9, after=0.8, drop=0.1)

    lines = a_card(job, findings, forgetting=[drop]).splitlines()

    for line in (
        "| f1 | 0.9000 | 0.8000 | +0.1000 |",
        "| two\\nlines |  | good 0.9 |",
        "Before training there is no answer: it is new.",
        "| CPU, the attempt that finished | 90 s |",
        "| GPU, the attempt that finished | 60 s |",
    ):
        assert line in lines


def test_the_card_of_a_rejected_model_says_why(job: TrainerJob) -> None:
    card = a_card(job, Findings(complaints=("evaluation.gate.minimum: f1 is 0.1",)))

    assert "## Not published" in card
    assert "- evaluation.gate.minimum: f1 is 0.1" in card
    assert "## Not published" not in a_card(job)


def test_a_card_says_how_to_load_the_model(job: TrainerJob) -> None:
    assert 'pipeline("text-classification", "model")' in a_card(job)


def test_a_card_tells_origin_recipe_and_limits(job: TrainerJob) -> None:
    card = a_card(job)

    for line in (
        "pipeline_tag: text-classification",
        "| Base model | pvc://data/base |",
        "| Data fingerprint | f00d |",
        "| Rows | 80 train, 2000 test |",
        "| Ended | early: NoImprovement |",
        "| Learning rate | 0.001 |",
        "- test has 20 rows: differences of several points are chance",
    ):
        assert line in card.splitlines()


def test_a_model_of_a_hub_is_named_as_hubs_expect(job: TrainerJob) -> None:
    card = a_card(job.with_spec(model={"source": "hf://google-bert/bert-base-uncased"}))

    assert "base_model: google-bert/bert-base-uncased" in card.splitlines()
