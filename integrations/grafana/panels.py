"""What a panel of the dashboard is, and how queries are written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

TIMESERIES: Mapping[str, Any] = {
    "legend": {"displayMode": "list", "placement": "bottom"},
    "tooltip": {"mode": "multi", "sort": "desc"},
}
LAST: Mapping[str, Any] = {"reduceOptions": {"calcs": ["lastNotNull"]}}
NUMBER: Mapping[str, Any] = {**LAST, "colorMode": "value", "graphMode": "area"}
BARS: Mapping[str, Any] = {**LAST, "displayMode": "basic", "orientation": "horizontal"}
HEATMAP: Mapping[str, Any] = {"calculate": False, "yAxis": {"unit": "s"}, "color": {"scheme": "Oranges"}}

LINES: Mapping[str, Any] = {"custom": {"fillOpacity": 8}}
STACKED: Mapping[str, Any] = {"custom": {"fillOpacity": 25, "stacking": {"mode": "normal"}}}


class Query(NamedTuple):
    """A query, and what its series are called in the legend."""

    expression: str
    legend: str = ""


class Panel(NamedTuple):
    """A panel; width and height in units of Grafana's grid, which has 24 columns."""

    title: str
    queries: tuple[Query, ...]
    unit: str
    description: str = ""
    kind: Literal["timeseries", "stat", "bargauge", "heatmap"] = "timeseries"
    width: int = 12
    height: int = 8
    field: Mapping[str, Any] = LINES
    options: Mapping[str, Any] = TIMESERIES
    instant: bool = False
    format: Literal["time_series", "heatmap"] = "time_series"


def lines(title: str, unit: str, *queries: tuple[str, str], description: str = "", **look: Any) -> Panel:
    """Lines over time."""
    return Panel(title, tuple(Query(*query) for query in queries), unit, description, **look)


def stat(title: str, unit: str, expression: str, description: str = "") -> Panel:
    """One number."""
    return Panel(title, (Query(expression),), unit, description, "stat", width=4, height=4, field={}, options=NUMBER)


def bars(title: str, unit: str, expression: str, legend: str, description: str = "") -> Panel:
    """The largest of something over all of the chosen time."""
    queries = (Query(expression, legend),)
    return Panel(title, queries, unit, description, "bargauge", field={}, options=BARS, instant=True)


def heatmap(title: str, histogram: str) -> Panel:
    """All that a histogram knows."""
    buckets = Query(f"sum by (le) (increase({histogram}_bucket{{ROUTE}}[$__rate_interval]))", "{{le}}")
    return Panel(title, (buckets,), "s", "", "heatmap", width=24, field={}, options=HEATMAP, format="heatmap")


# In a query, HERE stands for the chosen jobs and instances, and ROUTE for the chosen routes too.


def rate(name: str, by: str = "", within: str = "ROUTE", over: str = "$__rate_interval") -> str:
    """How many a second, for each value of some labels."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({name}{{{within}}}[{over}]))"


def quantile(percent: int, name: str, by: str = "", within: str = "ROUTE", over: str = "$__rate_interval") -> str:
    """A percentile of a histogram, likewise."""
    return f"histogram_quantile({percent / 100}, {rate(f'{name}_bucket', f'{by}, le' if by else 'le', within, over)})"
