"""Makes dashboard.json: `python integrations/grafana/build.py > integrations/grafana/dashboard.json`.

With `--names short`, for applications whose setting metrics.names is "short". What it shows stands in rows.py.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rows import ROWS

from perfkit.features.metrics._series import ALL, SHORT_LABELS

if TYPE_CHECKING:
    from panels import Panel, Query

COLUMNS = 24  # of Grafana's grid
SOURCE = {"type": "prometheus", "uid": "${datasource}"}

# What HERE and ROUTE stand for in queries: what has been chosen at the top of the dashboard.
HERE = 'job=~"$job",instance=~"$instance"'
ROUTE = f'{HERE},http_route=~"$route"'


def dashboard(names: str = "otel") -> dict[str, Any]:
    """The dashboard, as Grafana imports it."""
    return {
        "title": "perfkit",
        "uid": "perfkit" if names == "otel" else f"perfkit-{names}",
        "description": "Requests, durations, streams and what perfkit's features do.",
        "tags": ["perfkit"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # one cross hair for all panels
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": list(variables(names))},
        "annotations": {"list": []},
        "panels": list(placed(names)),
    }


def variables(names: str) -> Iterator[dict[str, Any]]:
    """What can be chosen at the top."""
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "current": {}}
    requests = "http_server_requests_total"
    chosen = {
        "job": ("Job", requests),
        "instance": ("Instance", f'{requests}{{job=~"$job"}}'),
        "http_route": ("Route", f'{requests}{{job=~"$job",instance=~"$instance"}}'),
    }
    for label, (title, series) in chosen.items():
        yield {
            "name": label.removeprefix("http_"),
            "label": title,
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": renamed(f"label_values({series}, {label})", names), "refId": title},
            "refresh": 2,  # when the time range changes
            "sort": 1,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",  # those without a route too
            "current": {"text": ["All"], "value": ["$__all"]},
        }


def placed(names: str) -> Iterator[dict[str, Any]]:
    """All panels, from left to right and from top to bottom."""
    top, number = 0, 0
    for title, panels in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        top, left = top + 1, 0
        for panel in panels:
            number += 1
            if left + panel.width > COLUMNS:
                top, left = top + panel.height, 0
            position = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            yield {"id": number, "gridPos": position, **made(panel, names)}
            left += panel.width
        top += panels[-1].height


def made(panel: Panel, names: str) -> dict[str, Any]:
    """A panel in Grafana's form."""
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "targets": [target(panel, query, "ABCDEF"[index], names) for index, query in enumerate(panel.queries)],
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, **panel.field},
            "overrides": [],
        },
        "options": panel.options,
    }


def target(panel: Panel, query: Query, letter: str, names: str) -> dict[str, Any]:
    """A query in Grafana's form."""
    return {
        "refId": letter,
        "datasource": SOURCE,
        "expr": renamed(query.expression, names).replace("ROUTE", renamed(ROUTE, names)).replace("HERE", HERE),
        "legendFormat": renamed(query.legend, names),
        "instant": panel.instant,
        "range": not panel.instant,
        "format": panel.format,
    }


def renamed(text: str, names: str) -> str:
    """A query with the names of series and labels that the application uses."""
    if names == "otel":
        return text
    # With the names that histograms have in queries: ..._bucket, ..._sum, ..._count.
    called = {series.name: series.short or series.name for series in ALL} | SHORT_LABELS
    either = "|".join(sorted(map(re.escape, called), key=len, reverse=True))
    return re.sub(rf"\b({either})(?=\b|_bucket|_sum|_count)", lambda match: called[match[1]], text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints the dashboard as Grafana imports it.")
    parser.add_argument("--names", choices=["otel", "short"], default="otel", help="the setting metrics.names")
    print(json.dumps(dashboard(parser.parse_args().names), indent=1))


if __name__ == "__main__":
    main()
