from pathlib import Path

from cli_builders import build_job, build_outcome, build_report, record_console
from finetune_api.v1alpha1.status import Metrics
from kubectl_finetune.local.endings import Ending
from kubectl_finetune.rendering import summaries

COMMANDS = summaries.Commands(
    again="kubectl finetune run -f a.yaml", apply="kubectl apply -f a.yaml"
)


def build_ending(**fields: object) -> Ending:
    return Ending(build_outcome(**fields), exit_code=0)


def test_before_and_after_stand_side_by_side() -> None:
    metrics = Metrics.model_validate(
        {
            "baseline": [{"name": "f1", "value": 0.335}, {"name": "loss", "value": 0.7}],
            "best": [{"name": "f1", "value": 0.812}, {"name": "loss", "value": 0.45}],
            "test": [{"name": "f1", "value": 0.806}],
        }
    )
    console, written = record_console()

    table = summaries.build_comparison(metrics)

    assert table is not None
    console.print(table)
    rows = [line.split() for line in written.getvalue().splitlines()]
    assert rows[1] == ["f1", "0.335", "0.812", "+0.477", "–", "0.806"]  # noqa: RUF001
    assert rows[2] == ["loss", "0.700", "0.450", "-0.250", "–", "–"]  # noqa: RUF001


def test_nothing_measured_is_no_table() -> None:
    assert summaries.build_comparison(Metrics()) is None


def test_the_model_comes_with_code_that_loads_it() -> None:
    lines = "\n".join(
        summaries.list_next_steps("TextClassification", Path("reviews/model"), COMMANDS)
    )

    assert lines.startswith("The model is in reviews/model.")
    assert 'pipeline("text-classification", "reviews/model")' in lines
    assert f"file://{Path.cwd()}/reviews/model" in lines
    assert "kubectl apply -f a.yaml" in lines


def test_an_interrupted_run_says_what_is_kept_and_how_to_go_on() -> None:
    ending = build_ending(report=build_report(checkpoint={"step": 30}))

    assert list(summaries.list_interruption(ending, COMMANDS)) == [
        "Stopped; the checkpoint of step 30 is kept.",
        "To go on: kubectl finetune run -f a.yaml",
    ]


def test_a_run_stopped_before_its_first_checkpoint_keeps_nothing() -> None:
    first, _ = summaries.list_interruption(build_ending(), COMMANDS)

    assert first == "Stopped before the first checkpoint; nothing is kept."


def test_a_failure_has_reason_message_hint_and_the_end_of_the_log() -> None:
    ending = build_ending(succeeded=False, reason="BadData", message="no column", hint="set it")

    lines = list(
        summaries.list_failure(ending, log=Path("reviews/trainer.log"), log_tail=["a", "b"])
    )

    assert lines == [
        "BadData: no column",
        "hint: set it",
        "",
        "The end of reviews/trainer.log:",
        "    a",
        "    b",
    ]


def test_a_success_begins_with_why_training_stopped() -> None:
    ending = build_ending(report=build_report(step=9, trainSeconds=72.0))

    line = summaries.describe_success(ending, build_job().spec)

    assert line == "Trained all 9 steps. Training took 1m12s."


def test_a_success_without_a_report_is_still_one() -> None:
    assert summaries.describe_success(build_ending(), build_job().spec) == "The model is trained."
