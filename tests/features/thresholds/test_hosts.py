"""The same on every host: failures, durations, routes, and streams that do not count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from perfkit.features.thresholds import Report
from tests.conformance.client import Request
from tests.doors import DOORS, Door, Front, Page

every_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)

TEXT = [("Content-Type", "text/csv")]

# What the doors' one route is called, where the host tells.
ROUTES = {
    "asgi": None,
    "wsgi": None,
    "starlette": "/{rest:path}",
    "flask": "/<path:rest>",
    "django-wsgi": "/<path:rest>",
    "django-asgi": "/<path:rest>",
}


def reports(door: Door, page: Page, *, times: int = 1, **rule: Any) -> list[Report]:
    """What is said of so many requests."""
    said: list[Report] = []
    section = {"rules": [{"name": "books", "match": {"path": "/books*"}, **rule}], "on_breach": said.append}
    front = Front(settings={"thresholds": section})
    for _ in range(times):
        assert door.fetch(page, Request("GET", "/books"), front).status == page.status
        assert door.fetch(page, Request("GET", "/other"), front).status == page.status
    return said


@every_door
def test_failures_are_counted(door: Door) -> None:
    [report] = reports(door, Page(status=503, headers=TEXT, body=b"no"), times=3, error_rate="50%", minimum=3)
    assert (report.measured, report.requests) == (1.0, 3)


@every_door
def test_a_duration_goes_to_the_last_byte_and_the_route_is_told(door: Door) -> None:
    def slowly() -> Iterator[bytes]:
        yield b"a" * 2000
        time.sleep(0.02)
        yield b"b"

    [report] = reports(door, Page(headers=TEXT, stream=slowly), slow="20ms")
    assert report.measured >= 0.02
    assert report.route == ROUTES[door.name]


@every_door
def test_event_streams_have_no_duration(door: Door) -> None:
    def slowly() -> Iterator[bytes]:
        yield b"data: 1\n\n"
        time.sleep(0.02)
        yield b"data: 2\n\n"

    headers = [("Content-Type", "text/event-stream")]
    assert reports(door, Page(headers=headers, stream=slowly), slow="20ms", p50="1ms", minimum=1) == []
