"""The house's panels: every one has a title, a description, a unit and a data source.

The boards use only these, so that a look or a rule changes in one place. Sizes are in Grafana's
grid: 24 columns, rows of 30 pixels.
"""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, gauge, prometheus, stat, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")

STAT_HEIGHT = 4
CURVE_HEIGHT = 8


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and what its series are called.

    Attributes:
        expression: PromQL; `$namespace` and `$job` stand for the job on show.
        legend: the name of the series; `{{label}}` stands for a label's value.
    """

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Title:
    """What a panel says about itself.

    Attributes:
        text: the title, a few words.
        description: one or two sentences: what is shown, and when to worry.
        unit: Grafana's identifier of the unit.
    """

    text: str
    description: str
    unit: str


def build_number(title: Title, *queries: Query, span: int, decimals: int = 0) -> stat.Panel:
    """Show the present value, large."""
    panel = (
        stat.Panel()
        .title(title.text)
        .description(title.description)
        .unit(title.unit)
        .datasource(PROMETHEUS)
        .span(span)
        .height(STAT_HEIGHT)
        .decimals(decimals)
        .no_value("-")
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    for reference, query in zip("ABCDEF", queries, strict=False):
        panel = panel.with_target(_build_target(reference, query, is_instant=True))
    return panel


def build_word(title: Title, query: Query, *, span: int) -> stat.Panel:
    """Show the name of the series that is there, not its value."""
    return build_number(title, query, span=span).text_mode(BigValueTextMode.NAME)


def build_part(title: Title, query: Query, *, span: int) -> gauge.Panel:
    """Show a ratio from 0 to 1 as a dial."""
    return (
        gauge.Panel()
        .title(title.text)
        .description(title.description)
        .unit(title.unit)
        .datasource(PROMETHEUS)
        .span(span)
        .height(STAT_HEIGHT)
        .min(0)
        .max(1)
        .no_value("-")
        .thresholds(_build_plain_thresholds())
        .show_threshold_markers(False)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_build_target("A", query, is_instant=True))
    )


def build_curve(title: Title, *queries: Query, span: int) -> timeseries.Panel:
    """Show values over time, with their last, smallest and largest in the legend."""
    panel = (
        timeseries.Panel()
        .title(title.text)
        .description(title.description)
        .unit(title.unit)
        .datasource(PROMETHEUS)
        .span(span)
        .height(CURVE_HEIGHT)
        .line_width(2)
        .line_interpolation(LineInterpolation.LINEAR)
        .fill_opacity(0)
        # A point that stands alone, such as the one measurement on the test rows, is drawn too.
        .show_points(VisibilityMode.AUTO)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "min", "max"])
        )
    )
    for reference, query in zip("ABCDEF", queries, strict=False):
        panel = panel.with_target(_build_target(reference, query, is_instant=False))
    return panel


def _build_target(reference: str, query: Query, *, is_instant: bool) -> prometheus.Dataquery:
    target = (
        prometheus.Dataquery()
        .ref_id(reference)
        .datasource(PROMETHEUS)
        .expr(query.expression)
        .legend_format(query.legend)
    )
    return target.instant() if is_instant else target.range()


def _build_plain_thresholds() -> dashboard.ThresholdsConfig:
    """Paint one colour: being half-way is neither good nor bad."""
    return (
        dashboard.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(color="blue", value=None)])
    )
