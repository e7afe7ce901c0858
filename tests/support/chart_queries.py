"""PromQL taken apart: which metrics a query reads, and by which labels it chooses."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser
import yaml

from chart_metrics import CLOSED_LABELS, Exported
from chart_rendering import CHART

# What Grafana would put in; each stands for itself in a query that can be parsed.
VARIABLES = {
    "$__rate_interval": "5m",
    "$__interval": "1m",
    "$namespace": "team-a",
    "$job": "reviews",
}


@dataclass(frozen=True, slots=True)
class Selector:
    """One metric as a query names it.

    Attributes:
        metric: its name.
        labels: the labels it is chosen by, each with the values that are asked for.
    """

    metric: str
    labels: dict[str, frozenset[str]]


def list_boards() -> list[dict[str, Any]]:
    """Give every board that the chart ships."""
    return [json.loads(path.read_text()) for path in sorted(CHART.glob("dashboards/*.json"))]


def list_panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Give the panels of a board, those inside rows too, without the rows."""
    nested = [inner for panel in board["panels"] for inner in panel.get("panels", ())]
    return [panel for panel in board["panels"] + nested if panel["type"] != "row"]


def list_board_expressions() -> list[str]:
    """Give every PromQL expression of every board: of panels and of annotations."""
    return [
        expression
        for board in list_boards()
        for expression in (
            *(t["expr"] for panel in list_panels(board) for t in panel["targets"]),
            *(annotation["expr"] for annotation in board["annotations"]["list"]),
        )
    ]


def list_rules() -> list[dict[str, Any]]:
    """Give every alert that the chart ships."""
    return [
        rule
        for path in sorted(CHART.glob("rules/*.yaml"))
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def list_selectors(expression: str) -> list[Selector]:
    """Parse an expression, Grafana's variables filled in, and give what it selects.

    Raises:
        ValueError: it is no PromQL.
    """
    return list(_walk(promql_parser.parse(fill_in_variables(expression))))


def find_faults(expression: str, exported: Exported) -> list[str]:
    """Say what an expression asks for that nobody exports: a metric, a label or a value."""
    faults: list[str] = []
    for selector in list_selectors(expression):
        labels = exported.get(selector.metric)
        if labels is None:
            faults.append(f"{selector.metric} is exported by nobody")
            continue
        for label, values in selector.labels.items():
            if label not in labels:
                faults.append(f"{selector.metric} has no label {label}")
            elif label in CLOSED_LABELS and values - labels[label]:
                faults.append(f"{label} of {selector.metric} is never {values - labels[label]}")
    return faults


def fill_in_variables(expression: str) -> str:
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    return expression


def _walk(expression: promql_parser.Expr) -> Iterator[Selector]:
    seen: list[promql_parser.VectorSelector] = []

    def keep(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            seen.append(node)
        return True

    promql_parser.walk(expression, keep)
    for node in seen:
        matchers = node.matchers.matchers
        yield Selector(node.name or "", {m.name: frozenset(m.value.split("|")) for m in matchers})
