"""The boards: in step with their source, readable for people, and about metrics that exist."""

import re
from typing import Any

import pytest

import dashboards
from chart_metrics import list_metrics
from chart_queries import (
    VARIABLES,
    fill_in_variables,
    find_faults,
    list_board_expressions,
    list_boards,
    list_panels,
    list_selectors,
)
from chart_rendering import ROOT

PANELS = [
    pytest.param(panel, id=f"{board['title']}: {panel['title']}")
    for board in list_boards()
    for panel in list_panels(board)
]
BOARDS = [pytest.param(board, id=board["title"]) for board in list_boards()]
EXPRESSIONS = list_board_expressions()


def test_the_files_in_the_chart_are_what_the_source_makes() -> None:
    stale = [
        name for name, text in dashboards.build_files().items() if (ROOT / name).read_text() != text
    ]

    assert stale == [], "run `python -m dashboards`"


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_can_be_provisioned_anywhere(board: dict[str, Any]) -> None:
    assert board["uid"]
    assert board["editable"] is False
    assert "__inputs" not in board
    assert board["description"]
    assert "finetune" in board["tags"]


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_lets_one_choose_data_source_namespace_and_job(board: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}

    assert list(variables) == ["datasource", "namespace", "job"]
    assert variables["datasource"]["query"] == "prometheus"
    for name in ("namespace", "job"):
        assert variables[name]["datasource"]["uid"] == "${datasource}"
        assert variables[name]["multi"] is False


@pytest.mark.parametrize("board", BOARDS)
def test_variables_are_filled_from_metrics_that_exist(board: dict[str, Any]) -> None:
    queries = [v["query"] for v in board["templating"]["list"] if v["type"] == "query"]

    for query in queries:
        expression = re.fullmatch(r"label_values\((.+), \w+\)", query)
        assert expression, query
        assert find_faults(expression[1], list_metrics()) == []


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith((".", "?"))
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["targets"]
    assert all(target["legendFormat"] for target in panel["targets"])


def test_panels_lie_on_the_grid_and_on_no_other_panel() -> None:
    for board in list_boards():
        taken: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            place = panel["gridPos"]
            cells = {
                (x, y)
                for x in range(place["x"], place["x"] + place["w"])
                for y in range(place["y"], place["y"] + place["h"])
            }
            assert place["x"] + place["w"] <= 24, panel["title"]
            assert not cells & taken, panel["title"]
            taken |= cells


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_asks_for_what_is_exported(expression: str) -> None:
    assert list_selectors(expression)
    assert find_faults(expression, list_metrics()) == []


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        pytest.param("finetune_job_lost", "exported by nobody", id="a metric"),
        pytest.param('finetune_job_step{pod="a"}', "no label pod", id="a label"),
        pytest.param('finetune_job_status_condition{status="yes"}', "never", id="a value"),
    ],
)
def test_what_nobody_exports_is_found(expression: str, fault: str) -> None:
    (found,) = find_faults(expression, list_metrics())

    assert fault in found


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_is_about_the_chosen_job_alone(expression: str) -> None:
    chosen = [selector.labels for selector in list_selectors(expression)]

    assert [labels for labels in chosen if not {"namespace", "name"} <= labels.keys()] == []


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_query_uses_only_variables_that_are_there(expression: str) -> None:
    assert "$" not in fill_in_variables(expression), f"known are {', '.join(VARIABLES)}"


@pytest.mark.parametrize("panel", PANELS)
def test_a_legend_names_labels_that_the_metric_has(panel: dict[str, Any]) -> None:
    exported = list_metrics()

    for target in panel["targets"]:
        named = set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        for selector in list_selectors(target["expr"]):
            assert named <= exported[selector.metric].keys(), target["expr"]


def test_moments_that_a_value_tells_are_in_milliseconds() -> None:
    for board in list_boards():
        for annotation in board["annotations"]["list"]:
            if annotation["useValueForTime"]:
                assert annotation["expr"].endswith("* 1000"), annotation["name"]
