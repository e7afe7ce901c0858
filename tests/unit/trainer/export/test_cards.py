import pytest

from finetune_api.v1alpha1.status import EarlyStoppingStatus
from finetune_trainer.export.cards import estimate_interval, write_card
from finetune_trainer.reporting.board import Board
from trainer_jobs import TrainerJob


@pytest.mark.parametrize(
    ("value", "rows", "low", "high"),
    [
        pytest.param(0.5, 100, 0.404, 0.596, id="a hundred rows: ten points"),
        pytest.param(0.8, 2000, 0.782, 0.817, id="two thousand rows: two points"),
        pytest.param(1.0, 50, 0.929, 1.0, id="no errors in fifty rows"),
    ],
)
def test_the_interval_says_how_much_is_chance(
    value: float, rows: int, low: float, high: float
) -> None:
    assert estimate_interval(value, rows) == pytest.approx((low, high), abs=5e-4)


def a_card(job: TrainerJob) -> str:
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
    return write_card(job.resolve(), board.snapshot())


def test_a_card_compares_with_the_baseline_and_gives_rows_and_interval(job: TrainerJob) -> None:
    card = a_card(job)

    assert "| Test | 2000 | accuracy | 0.8000 | 0.782 to 0.817 | 0.5000 |" in card
    assert "| Test | 2000 | loss | 0.4000 |  |  |" in card


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
