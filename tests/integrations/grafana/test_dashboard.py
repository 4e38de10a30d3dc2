"""The dashboard: it is what is built, Grafana can import it, and each of its panels has something to show."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from perfkit.features.metrics._series import ALL
from tests.examples.servers import clean_environment, wait_for_url
from tests.integrations.grafana.visits import visit
from tests.integrations.prometheus.server import Prometheus, running

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "integrations" / "grafana"
PATIENCE = 120  # seconds until each panel has something to show; it takes about ten

DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]

# What is in no table of ours: of Prometheus itself, of prometheus-client, and figures of features.
OTHERS = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes", "perfkit_threshold_broken"}
SERIES = {series.name for series in ALL}
SHORT = {series.short or series.name for series in ALL}
NAME = re.compile(r"\b(\w+?)(?:_bucket|_sum|_count)?\{")


def built(*arguments: str) -> str:
    command = [sys.executable, str(FOLDER / "build.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def names_in(text: str) -> set[str]:
    """The series of a query. What `_count` ends may be a name by itself too."""
    return set(NAME.findall(text))


# What it is


def test_the_dashboard_is_what_is_built() -> None:
    how = "write it anew: python integrations/grafana/build.py > integrations/grafana/dashboard.json"
    assert built() == (FOLDER / "dashboard.json").read_text(), how


def test_every_series_of_the_metrics_is_shown() -> None:
    shown = {name for _, query in QUERIES for name in names_in(query)}
    assert shown == SERIES | OTHERS


def test_it_can_be_built_for_short_names() -> None:
    short: dict[str, Any] = json.loads(built("--names", "short"))
    queries = [target["expr"] for panel in short["panels"] for target in panel.get("targets", ())]
    assert {name for query in queries for name in names_in(query)} == SHORT | OTHERS
    assert not re.search("http_server_|http_route|http_request_method", json.dumps(short))
    assert short["uid"] != DASHBOARD["uid"]


def test_panels_have_places_and_numbers_of_their_own() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    for one, other in combinations([panel["gridPos"] for panel in DASHBOARD["panels"]], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in DASHBOARD["panels"])


def test_all_of_it_asks_the_chosen_data_source() -> None:
    chosen = {"type": "prometheus", "uid": "${datasource}"}
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert all(variables[name]["datasource"] == chosen for name in ("job", "instance", "route"))
    for panel in PANELS:
        assert [panel["datasource"], *(target["datasource"] for target in panel["targets"])] == [chosen] * (
            len(panel["targets"]) + 1
        )


def test_all_that_is_used_can_be_chosen() -> None:
    used = {name for _, query in QUERIES for name in re.findall(r"\$(\w+)", query)}
    assert used - {"__rate_interval", "__range"} == {"job", "instance", "route"}


# What it shows


def substituted(query: str) -> str:
    """The query as Grafana asks it, where all is chosen."""
    values = {"job": ".*", "instance": ".*", "route": ".*", "__rate_interval": "20s", "__range": "1m"}
    return re.sub(r"\$(\w+)", lambda match: values[match[1]], query)


def has_data(prometheus: Prometheus, query: str) -> bool:
    return any(not math.isnan(float(series["value"][1])) for series in prometheus.query(query))


@pytest.mark.server
def test_every_panel_has_something_to_show(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "uvicorn", "tests.integrations.grafana.shop:app", "--port", "0", "--ws", "wsproto"]
    environment = clean_environment(tmp_path, PYTHONPATH=f"{ROOT}:{ROOT / 'examples'}")
    log = tmp_path / "shop.log"
    with log.open("wb") as output:
        shop = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, env=environment)
    try:
        url = wait_for_url(shop, log)
        with running(tmp_path, url.removeprefix("http://"), "500ms") as prometheus:
            missing = {query: title for title, query in QUERIES}
            deadline = time.monotonic() + PATIENCE
            while missing and time.monotonic() < deadline:
                visit(url)
                time.sleep(0.5)
                missing = {
                    query: title for query, title in missing.items() if not has_data(prometheus, substituted(query))
                }
            assert not missing
            assert [target["health"] for target in prometheus.targets()] == ["up"]
            rules = prometheus.rules()
            assert {rule["health"] for rule in rules} == {"ok"}
            for rule in rules:
                assert rule["type"] == "alerting" or has_data(prometheus, rule["name"]), rule["name"]
    finally:
        shop.terminate()
        shop.wait(timeout=30)
