import pytest
from prometheus_client.parser import text_string_to_metric_families

from finetune_api.v1alpha1.status import (
    CheckpointStatus,
    EarlyStoppingStatus,
    ForgettingMetric,
    SliceGap,
)
from finetune_trainer.reporting.board import Board
from finetune_trainer.reporting.instruments import GAUGES, Instruments


def read_samples(instruments: Instruments) -> dict[str, float]:
    families = text_string_to_metric_families(instruments.render().decode())
    return {
        sample.name + "".join(f"{{{sample.labels[k]}}}" for k in sample.labels): sample.value
        for family in families
        for sample in family.samples
    }


def test_numbers_of_the_report_are_gauges() -> None:
    board = Board("uid", 1, clock=lambda: 1_800_000_000.0)
    board.mark_step(step=5, maximum_steps=20, epoch=0.5, loss=0.7, samples_per_second=40.0)
    board.update(
        checkpoint=CheckpointStatus(step=4),
        early_stopping=EarlyStoppingStatus(metric="f1", patience_remaining=2),
    )
    board.measure("baseline", {"f1": 0.33})

    samples = read_samples(Instruments(board))

    assert samples["finetune_trainer_step"] == 5
    assert samples["finetune_trainer_progress_ratio"] == 0.25
    assert samples["finetune_trainer_train_loss"] == 0.7
    assert samples["finetune_trainer_last_checkpoint_step"] == 4
    assert samples["finetune_trainer_early_stop_patience_remaining"] == 2
    assert samples["finetune_trainer_last_step_timestamp_seconds"] == 1_800_000_000
    assert samples["finetune_trainer_baseline_metric{f1}"] == 0.33
    assert samples["finetune_trainer_phase{Start}"] == 1


def test_what_is_not_known_yet_is_not_there() -> None:
    samples = read_samples(Instruments(Board("uid", 1)))

    assert "finetune_trainer_train_loss" not in samples
    assert "finetune_trainer_eval_loss" not in samples


def test_what_happens_is_counted() -> None:
    instruments = Instruments(Board("uid", 1))

    instruments.step_duration.observe(0.3)
    instruments.tokens.inc(100)
    instruments.nonfinite_steps.inc()

    samples = read_samples(instruments)
    assert samples["finetune_trainer_step_duration_seconds_count"] == 1
    assert samples["finetune_trainer_tokens_total"] == 100
    assert samples["finetune_trainer_nonfinite_steps_total"] == 1


@pytest.mark.parametrize("stem", [row.stem for row in GAUGES])
def test_every_gauge_says_what_it_is(stem: str) -> None:
    row = next(row for row in GAUGES if row.stem == stem)

    assert row.help.endswith(".")


def a_gap(column: str, gap: float) -> SliceGap:
    ends = {"best": "a", "best_value": 0.9, "worst": "b", "worst_value": 0.9 - gap}
    return SliceGap.model_validate({"column": column, "metric": "f1", "gap": gap, **ends})


def test_what_was_forgotten_and_the_worst_gap_are_told() -> None:
    board = Board("uid", 1)
    board.compare(
        forgetting=[ForgettingMetric(name="f1", before=0.9, after=0.8, drop=0.1)],
        slices=[a_gap("age", 0.1), a_gap("sex", 0.3), a_gap("place", 0.2)],
    )

    samples = read_samples(Instruments(board))

    assert samples["finetune_trainer_forgetting_delta{f1}"] == 0.1
    assert samples["finetune_trainer_worst_slice_gap{f1}"] == 0.3
