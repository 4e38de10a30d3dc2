"""Rows 1 to 8 of the table: what clients are told."""

from __future__ import annotations

import time
from typing import Any

import pytest

from perfkit import ConfigurationError
from tests.conformance.client import Response
from tests.doors import Door, Page
from tests.features.rate_limit.table.site import Site, answers, fields, retry_after, rule, state, violated
from tests.features.rate_limit.visits import Seconds

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


# 1: 429


def test_01_too_many_requests_is_a_429(door: Door) -> None:
    site = Site(door, rule("2/hour"))
    assert site.statuses(4) == [200, 200, 429, 429]


def test_01_another_status_can_be_chosen(door: Door) -> None:
    assert Site(door, rule("1/hour"), status=503).statuses(2) == [200, 503]


def test_01_the_application_does_not_see_a_refused_request(door: Door) -> None:
    seen: list[str] = []

    def view(request: Any) -> Page:
        seen.append(request.method)
        return answers(200)

    site = Site(door, rule("1/hour"), view=view)
    assert [site.get(method=method).status for method in ("POST", "PUT", "GET")] == [200, 429, 429]
    assert seen == ["POST"]


# 2, 3: Retry-After


@pytest.mark.parametrize("algorithm", ["sliding", "gcra"])
@pytest.mark.parametrize("limits", ["3/second", "5/minute, 7/hour", "1/week"])
def test_02_who_waits_for_retry_after_is_admitted(door: Door, clock: Seconds, algorithm: str, limits: str) -> None:
    site = Site(door, rule(limits, algorithm=algorithm))
    for _ in range(8):
        while (response := site.get()).status == 200:
            clock.now += 0.31
        clock.now += retry_after(response)
        assert site.get().status == 200


def test_02_retry_after_is_at_least_a_second(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("100/second", algorithm="gcra"))
    assert site.statuses(100) == [200] * 100
    assert retry_after(site.get()) == 1


def test_02_retry_after_is_the_longest_of_what_refuses(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("1/second", "short"), rule("1/hour", "long"), rule("100/day", "wide"))
    site.get()
    refused = site.get()
    assert violated(refused) == ["short", "long"]
    assert 3600 <= retry_after(refused) <= 7200


@pytest.mark.parametrize("status", [200, 201, 204, 301, 304, 400, 404, 500])
def test_03_no_retry_after_but_on_refusals(door: Door, status: int) -> None:
    site = Site(door, rule("2/hour"), view=answers(status))
    for _ in range(2):
        response = site.get()
        assert (response.status, response.lines("Retry-After")) == (status, [])


def test_03_that_of_the_application_stays(door: Door) -> None:
    site = Site(door, rule("5/hour"), view=answers(503, ("Retry-After", "120")))
    assert site.get().lines("Retry-After") == ["120"]


# 4: headers on success


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
def test_04_what_is_left_is_told_on_all_answers(door: Door, status: int) -> None:
    site = Site(door, rule("3/hour"), view=answers(status))
    assert [state(site.get())["rule"]["r"] for _ in range(3)] == [2, 1, 0]


def test_04_of_head_too(door: Door) -> None:
    site = Site(door, rule("3/hour"))
    assert state(site.get(method="HEAD"))["rule"]["r"] == 2


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ("always", [True] * 11),
        ("low", [False] * 8 + [True] * 3),
        ("refused", [False] * 10 + [True]),
        ("never", [False] * 11),
    ],
)
def test_04_when_is_an_option(door: Door, headers: str, told: list[bool]) -> None:
    site = Site(door, rule("10/hour"), headers=headers)
    found = [site.get() for _ in range(11)]
    assert [bool(response.lines("RateLimit")) for response in found] == told
    assert retry_after(found[-1]) >= 1


# 5, 6: the form of the fields


def test_05_both_fields_are_lists_of_strings(door: Door) -> None:
    response = Site(door, rule("100/minute, 2000/hour", "ip")).get()
    assert response.lines("RateLimit-Policy") == ['"ip-60s";q=100;w=60, "ip-3600s";q=2000;w=3600']
    assert fields(response, "RateLimit-Policy") == [
        ("ip-60s", {"q": 100, "w": 60}),
        ("ip-3600s", {"q": 2000, "w": 3600}),
    ]
    assert [(name, left["r"]) for name, left in fields(response, "RateLimit")] == [("ip-60s", 99), ("ip-3600s", 1999)]


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\\", '"', "a, b;q=1", " ", "~", "*"])
def test_05_any_name_can_be_read_again(door: Door, name: str) -> None:
    site = Site(door, rule("1/hour", name))
    for response in (site.get(), site.get()):
        assert [found for found, _ in fields(response, "RateLimit-Policy")] == [name]
        assert list(state(response)) == [name]
    assert violated(site.get()) == [name]


@pytest.mark.parametrize("name", ["caf\u00e9", "a\nb", "a\r\nX: y", "", "a\x7f"])
def test_05_a_name_that_no_header_can_hold_is_an_error(door: Door, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"rate_limit\.rules\[0\]\.name"):
        Site(door, rule("1/hour", name)).get()


def test_05_the_unit_is_told_where_it_is_none_of_requests(door: Door) -> None:
    site = Site(door, rule("5/hour", "tokens", unit="tokens"), rule("5 concurrent", "flying"))
    assert fields(site.get(), "RateLimit-Policy") == [
        ("tokens", {"q": 5, "w": 3600, "qu": "tokens"}),
        ("flying", {"q": 5, "qu": "concurrent-requests"}),
    ]


@pytest.mark.parametrize("limits", ["999999999999999/second", "1/week", "7 per 3 minutes", "1/year"])
def test_06_numbers_are_whole_and_in_range(door: Door, limits: str) -> None:
    site = Site(door, rule(limits), legacy_headers=True)
    before = int(time.time())
    for response in (site.get(), site.get()):
        left = state(response)["rule"]
        assert left["t"] <= 2 * 366 * 24 * 3600
        assert int(response.header("X-RateLimit-Remaining") or "") == left["r"]
        reset = int(response.header("X-RateLimit-Reset") or "")
        assert 0 <= reset - before - left["t"] <= 60


def test_06_after_the_time_that_is_told_all_is_there_again(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("5/minute"))
    site.statuses(3)
    clock.now += state(site.get())["rule"]["t"]
    assert state(site.get())["rule"]["r"] == 4


# 7: all policies


def test_07_all_policies_that_applied_are_told(door: Door) -> None:
    site = Site(door, rule("2/second, 9/hour", "ip"), rule("4/day", "all", key="global"), rule("1/day", match=OTHER))
    expected = ["ip-1s", "ip-3600s", "all"]
    for _ in range(3):
        response = site.get()
        assert [name for name, _ in fields(response, "RateLimit-Policy")] == expected
        assert list(state(response)) == expected


OTHER = {"path": "/other"}


def test_07_a_refusal_tells_the_others_too_and_when_only_of_those_that_refused(door: Door) -> None:
    site = Site(door, rule("1/minute", "short"), rule("5/hour", "long"))
    site.get()
    refused = state(site.get())
    assert list(refused) == ["short", "long"]
    assert refused["short"]["r"] == 0
    assert refused["short"]["t"] >= 1
    assert refused["long"] == {"r": 4}


def test_07_what_the_application_tells_itself_stays(door: Door) -> None:
    own = (("RateLimit-Policy", '"own";q=7;w=1'), ("RateLimit", '"own";r=3'))
    response = Site(door, rule("2/hour"), view=answers(200, *own)).get()
    assert [name for name, _ in fields(response, "RateLimit-Policy")] == ["own", "rule"]
    assert list(state(response)) == ["own", "rule"]


# 8: the body


def refused(door: Door, *headers: tuple[str, str], method: str = "GET", **options: Any) -> Response:
    site = Site(door, rule("1/hour", "ip"), **options)
    site.get()
    return site.get("/", *headers, method=method)


@pytest.mark.parametrize("accept", [(), (("Accept", "*/*"),), (("Accept", "application/json"),), (("Accept", ""),)])
def test_08_the_body_is_problem_details(door: Door, accept: tuple[tuple[str, str], ...]) -> None:
    response = refused(door, *accept)
    assert response.header("Content-Type") == "application/problem+json"
    assert response.members("Cache-Control") == ["no-store"]
    assert response.header("Content-Length") == str(len(response.body))
    assert violated(response) == ["ip"]
    assert b'"type":"https://iana.org/assignments/http-problem-types#quota-exceeded"' in response.body


def test_08_a_browser_gets_a_page_and_a_reader_of_text_a_text(door: Door) -> None:
    page = refused(door, ("Accept", HTML))
    assert page.header("Content-Type") == "text/html; charset=utf-8"
    assert b"<h1>Too many requests</h1>" in page.body
    assert refused(door, ("Accept", "text/plain")).header("Content-Type") == "text/plain; charset=utf-8"
    assert refused(door, ("Accept", HTML), body="problem").header("Content-Type") == "application/problem+json"


def test_08_head_has_the_headers_and_no_body(door: Door) -> None:
    response = refused(door, method="HEAD")
    assert (response.status, response.body) == (429, b"")
    assert response.header("Content-Type") == "application/problem+json"
    assert int(response.header("Content-Length") or "") > 0
