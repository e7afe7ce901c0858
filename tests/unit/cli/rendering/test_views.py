from typing import Any

import pytest

from cli_builders import build_report, record_console
from finetune_api.v1alpha1.training import EarlyStopping
from kubectl_finetune.rendering.news import News
from kubectl_finetune.rendering.views import LiveView, PlainView, SilentView, open_view

F1 = EarlyStopping(metric="f1")
POINT: dict[str, Any] = {"step": 20, "metric": 0.8, "evaluationLoss": 0.4}


def test_what_was_said_is_not_said_again() -> None:
    news = News(F1)
    first = list(news.read(build_report(history=[POINT])))

    second = list(news.read(build_report(history=[POINT, POINT | {"step": 40}])))

    assert [line.split("  ")[0] for line in first + second] == ["step 20", "step 40"]


@pytest.mark.parametrize(
    ("early_stopping", "values", "best_steps"),
    [
        pytest.param(F1, (0.8, 0.7, 0.9), (1, 1, 3), id="more is better"),
        pytest.param(EarlyStopping(metric="loss"), (0.8, 0.7, 0.9), (1, 2, 2), id="less is better"),
        pytest.param(
            EarlyStopping(metric="f1", min_delta=0.1), (0.8, 0.85, 0.91), (1, 1, 3), id="by enough"
        ),
    ],
)
def test_each_evaluation_is_held_against_the_best_before_it(
    early_stopping: EarlyStopping, values: tuple[float, ...], best_steps: tuple[int, ...]
) -> None:
    history = [{"step": step, "metric": value} for step, value in enumerate(values, start=1)]

    lines = list(News(early_stopping).read(build_report(history=history)))

    expected = [
        "best so far" if best == step else f"no improvement since step {best}"
        for step, best in enumerate(best_steps, start=1)
    ]
    assert [line.split("   ")[-1] for line in lines] == expected


def test_points_without_an_evaluation_are_no_news() -> None:
    assert list(News(F1).read(build_report(history=[{"step": 5, "loss": 0.5}]))) == []


def test_resumption_and_baseline_are_news() -> None:
    report = build_report(
        resumedFromStep=300, metrics={"baseline": [{"name": "f1", "value": 0.335}]}
    )

    assert list(News(F1).read(report)) == [
        "going on from the checkpoint of step 300",
        "before training: f1 0.335",
    ]


def test_what_the_trainer_finds_bit_by_bit_is_told_once() -> None:
    news, rows = News(F1), {"rows": {"train": 3000, "validation": 800}}
    early = build_report(resolved=rows | {"warnings": ["12% of the texts are cut"]})
    later = build_report(
        resolved=rows | {"parameters": {"total": 9, "trainable": 9}, "precision": "BFloat16"}
    )

    lines = [*news.read(early), *news.read(later), *news.read(later)]

    assert lines == [
        "rows: 3,000 train, 800 validation",
        "warning: 12% of the texts are cut",
        "model: 9 weights, all trained, BFloat16",
    ]


def test_a_log_file_gets_plain_lines_and_no_more_than_one_per_tenth() -> None:
    console, written = record_console()

    with PlainView(console, F1) as view:
        for phase, step in (("Load", 0), ("Train", 1), ("Train", 10), ("Evaluate", 12)):
            view.show(build_report(phase=phase, step=step, maximumSteps=100, loss=0.5))

    assert written.getvalue().splitlines() == [
        "  loading the model",
        "  training",
        "  step 10/100   loss 0.5000",
    ]


def test_a_terminal_gets_a_bar_and_the_evaluations_above_it() -> None:
    console, written = record_console(terminal=True, width=140)

    with LiveView(console, F1) as view:
        view.show(build_report(phase="Train", step=20, maximumSteps=100, loss=0.5, history=[POINT]))
        view.say("stopping")

    text = written.getvalue()
    assert "training" in text
    assert "step 20/100" in text
    assert "  step 20   f1 0.800   validation loss 0.4000" in text
    assert "  stopping" in text


def test_square_brackets_in_a_line_are_no_markup() -> None:
    console, written = record_console()

    PlainView(console, F1).say("warning: label [red] is rare")

    assert written.getvalue() == "  warning: label [red] is rare\n"


def test_the_view_follows_the_place_that_is_written_to() -> None:
    terminal, _ = record_console(terminal=True)
    file, written = record_console()

    assert isinstance(open_view(terminal, F1, silent=False), LiveView)
    assert isinstance(open_view(file, F1, silent=False), PlainView)
    with open_view(file, F1, silent=True) as silent:
        assert isinstance(silent, SilentView)
        silent.show(build_report())
        silent.say("anything")
    assert written.getvalue() == ""
