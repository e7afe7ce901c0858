"""The Grafana boards as code: `python -m dashboards` writes them into the chart.

Metric names, units and the house's look are kept in one place this way, and a test can hold every
query against the registries that export the metrics. `make generate` calls `build_files`.
"""

from dashboards.boards import build_files

__all__ = ["build_files"]
