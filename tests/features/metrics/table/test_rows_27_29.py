"""Rows 27 to 29 of the table: exemplars, processes that count together, and processes that have ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.doors import Door
from tests.features.metrics.table.site import DURATION, OPENMETRICS, ROUTES, Scrape, Site

ROOT = Path(__file__).parents[4]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


def exemplars(scrape: Scrape) -> list[dict[str, str]]:
    samples = [sample for family in scrape.families for sample in family.samples if sample.exemplar]
    assert all(sample.name == f"{DURATION}_bucket" for sample in samples)
    return [sample.exemplar.labels for sample in samples if sample.exemplar]


# Row 27: exemplars


def trace_id(exchange: Any) -> str | None:
    from perfkit import HeaderName

    traceparent = exchange.request_header(HeaderName("traceparent"))
    return traceparent[3:35] if traceparent else None


def test_27_an_exemplar_leads_to_the_trace_of_a_request(door: Door) -> None:
    site = Site(door, exemplar=trace_id)
    site.get("/x")
    assert exemplars(site.scrape()) == []
    site.get("/x", ("traceparent", TRACEPARENT))
    assert exemplars(site.scrape()) == [{"trace_id": TRACE}]


def test_27_only_openmetrics_has_a_place_for_it(door: Door) -> None:
    site = Site(door, exemplar=trace_id)
    site.get("/x", ("traceparent", TRACEPARENT))
    assert TRACE.encode() in site.get("/metrics", ("Accept", OPENMETRICS)).body
    assert TRACE.encode() not in site.get("/metrics").body


# Rows 28 and 29: several processes


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `together.py` says."""
    folder = tmp_path_factory.mktemp("together")
    path = os.pathsep.join([str(ROOT), str(ROOT / "examples"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "tests.features.metrics.table.together"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_28_all_processes_are_in_one_scrape_whatever_their_host(together: dict[str, Any]) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for route in ROUTES.values():
        expected["", "GET", "200", route] += 3
        expected["", "POST", "200", route] += 1
    assert together["requests"] == sorted([*key, float(count)] for key, count in expected.items())
    assert together["durations"] == expected.total()


def test_28_exemplars_have_no_place_there_and_harm_nothing(together: dict[str, Any]) -> None:
    assert together["exemplars"] == []


def test_29_requests_of_a_process_that_was_killed_run_no_longer(together: dict[str, Any]) -> None:
    assert together["active"] == 0


def test_29_files_of_processes_that_ended_do_not_stay(together: dict[str, Any]) -> None:
    assert together["written"] >= 3 * len(together["workers"])
    assert not [name for name in together["folded"] for worker in together["workers"] if f"_{worker}." in name]
    assert len(together["folded"]) <= 3
