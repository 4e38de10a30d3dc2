"""Health through every way in: plain ASGI and WSGI, Starlette, Flask, and Django under WSGI and ASGI."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from django.test import override_settings

from perfkit.health import begin_shutdown
from tests.conformance.client import Request, Response
from tests.doors import DOORS, Door, Front, Page
from tests.features.health.asking import hanging

doors = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)

PAGE = Page(headers=[("Content-Type", "text/plain")], body=b"the application")
# So that every other feature has something to do, if it sees the request.
OTHERS = {"rate_limit": {"rules": [{"name": "all", "limits": "1/day"}]}, "security_headers": {"https_redirect": True}}
OUTSIDE = (("X-Forwarded-For", "203.0.113.9"),)


@pytest.fixture(autouse=True)
def forgotten() -> None:
    """The doors keep applications, and these hold verdicts: each test has checks of its own."""
    _values.clear()


_values: dict[str, Any] = {}


def sync_check() -> Any:
    return _values.get("sync")


async def async_check() -> Any:
    await asyncio.sleep(0)
    return _values.get("async")


def hanging_check() -> Any:
    return _values["hanging"]() if "hanging" in _values else None


CHECKS = {
    "sync": sync_check,
    "async": {"call": async_check, "required": False},
    "hanging": {"call": hanging_check, "timeout": 0.05},
}


def fetch(door: Door, target: str, method: str = "GET", headers: Any = (), **options: Any) -> Response:
    section = {"checks": CHECKS, "every": 0, **options}
    front = Front(settings={"health": section, **OTHERS})
    return door.fetch(PAGE, Request(method, target, headers), front)


def data(response: Response) -> Any:
    return json.loads(response.body)


@doors
def test_answers_in_place_of_the_application(door):
    for target in ("/health", "/health/ready", "/health/live"):
        response = fetch(door, target, headers=OUTSIDE)
        assert (response.status, data(response)) == (200, {"status": "pass"})
        assert response.header("Content-Type") == "application/json"
        assert response.header("Cache-Control") == "no-store"
        assert response.header("Content-Length") == str(len(response.body))


@doors
def test_nobody_else_sees_these_requests(door):
    for _ in range(3):
        response = fetch(door, "/health")
        assert response.status == 200  # neither limited nor redirected to https
        for header in ("RateLimit", "Server-Timing", "ETag", "X-Frame-Options"):
            assert response.header(header) is None
    assert fetch(door, "/elsewhere").status in (301, 307, 308)


@doors
def test_leaves_other_requests_to_the_application(door):
    front = Front(settings={"health": {"checks": CHECKS}})
    assert door.fetch(PAGE, Request("GET", "/healthy"), front).body == b"the application"


@doors
def test_is_503_where_a_required_check_fails(door):
    _values["sync"] = "the disk is full"
    for target in ("/health", "/health/ready"):
        response = fetch(door, target, headers=OUTSIDE)
        assert (response.status, data(response)) == (503, {"status": "fail"})
    assert fetch(door, "/health/live").status == 200


@doors
def test_warns_where_another_fails(door):
    _values["async"] = False
    response = fetch(door, "/health", headers=OUTSIDE)
    assert (response.status, data(response)) == (200, {"status": "warn"})
    assert data(fetch(door, "/health/ready", headers=OUTSIDE)) == {"status": "pass"}


@doors
def test_shows_details_to_those_who_may_see_internals(door):
    _values["sync"] = "the disk is full"
    # In a real server the peer of these doors is the loopback interface, which is internal.
    checks = data(fetch(door, "/health"))["checks"]
    assert list(checks) == ["sync", "async", "hanging"]
    assert checks["sync"]["output"] == "the disk is full"
    assert checks["async"]["status"] == "pass"


@doors
def test_gives_up_a_check_that_hangs(door):
    with hanging() as check:
        _values["hanging"] = check
        assert fetch(door, "/health/ready").status == 503
        assert data(fetch(door, "/health"))["checks"]["hanging"]["output"] == "no answer in 0.05 s"
        assert check.runs == 1


@doors
def test_answers_head_without_a_body(door):
    _values["sync"] = False
    response = fetch(door, "/health", "HEAD", headers=OUTSIDE)
    assert (response.status, response.body) == (503, b"")
    assert response.header("Content-Length") == str(len(b'{"status":"fail"}\n'))


@doors
def test_answers_405_to_other_methods(door):
    response = fetch(door, "/health/live", "POST")
    assert (response.status, response.header("Allow")) == (405, "GET, HEAD")


@doors
def test_is_not_ready_in_the_shutdown_and_serves_all_the_same(door):
    begin_shutdown()
    assert fetch(door, "/health/ready").status == 503
    assert fetch(door, "/health/live").status == 200
    front = Front(settings={"health": True})
    assert door.fetch(PAGE, Request("GET", "/"), front).body == b"the application"


@pytest.mark.parametrize("door", [door for door in DOORS if door.django], ids=lambda door: door.name)
def test_needs_no_host_that_django_allows(door):
    with override_settings(ALLOWED_HOSTS=["shop.example"]):
        assert fetch(door, "/health/live").status == 200  # from a probe that asks by address
