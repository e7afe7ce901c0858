"""Moments that a board marks on every curve.

The SDK's annotation knows only what all data sources share; these add what Prometheus' own needs.
"""

from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import AnnotationQuery

from dashboards.panels import PROMETHEUS


@dataclass(frozen=True, slots=True)
class Moment(Builder[AnnotationQuery]):
    """A mark at the time that a series tells, or while it has a value.

    Attributes:
        name: what the switch at the top of the board is called.
        text: what the mark says; `{{label}}` stands for a label's value.
        expression: PromQL.
        color: the mark's colour.
        is_time_in_value: the values are the moments, in milliseconds since 1970.
    """

    name: str
    text: str
    expression: str
    color: str
    is_time_in_value: bool = False

    def build(self) -> AnnotationQuery:
        """Give the annotation, for the board's builder."""
        return _PrometheusAnnotation(self)


class _PrometheusAnnotation(AnnotationQuery):
    def __init__(self, moment: Moment) -> None:
        super().__init__(
            name=moment.name,
            datasource=PROMETHEUS,
            enable=True,
            icon_color=moment.color,
            expr=moment.expression,
        )
        self._moment = moment

    def to_json(self) -> dict[str, object]:
        fields: dict[str, Any] = super().to_json()
        return fields | {
            "titleFormat": self._moment.name,
            "textFormat": self._moment.text,
            "useValueForTime": self._moment.is_time_in_value,
        }
