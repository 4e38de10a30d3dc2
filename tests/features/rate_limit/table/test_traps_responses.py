"""Answers of every kind: redirects, errors, the application's own; and functions that are called anywhere."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from perfkit import HeaderName, Reply
from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.asgi import RateLimitMiddleware as AsgiRateLimit
from perfkit.rate_limit import ViewRule
from perfkit.wsgi import RateLimitMiddleware as WsgiRateLimit
from tests.conformance import direct_asgi, direct_wsgi
from tests.doors import Door, Page, Seen
from tests.features.rate_limit.table.site import TEXT, Site, answers, fields, retry_after, rule, state

# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_does_not_say_that_nothing_is_left(door: Door, status: int) -> None:
    """A client that believes it would not follow (the draft, "Server Behavior")."""
    site = Site(door, rule("2/hour"), view=answers(status, ("Location", "/")), legacy_headers=True)
    found = [site.get() for _ in range(3)]
    assert [response.status for response in found] == [status, status, 429]
    assert [bool(response.lines("RateLimit")) for response in found] == [True, False, True]
    assert found[1].lines("X-RateLimit-Remaining") == []


def test_a_304_does(door: Door) -> None:
    site = Site(door, rule("1/hour"), view=answers(304, ("ETag", '"v1"')))
    assert state(site.get())["rule"]["r"] == 0


# Answers that other features and the application make


def test_a_304_of_ours_says_what_is_left(door: Door) -> None:
    site = Site(door, rule("3/hour"), view=Page(body=b"x" * 500, headers=[TEXT]))
    tag = site.get().header("ETag")
    assert tag is not None
    response = site.get("/", ("If-None-Match", tag))
    assert (response.status, state(response)["rule"]["r"]) == (304, 1)


def test_a_429_of_the_application_is_its_own(door: Door) -> None:
    site = Site(door, rule("3/hour"), view=answers(429, ("Retry-After", "7")))
    response = site.get()
    assert (response.status, response.body, retry_after(response)) == (429, b"hello", 7)
    assert response.lines("Cache-Control") == []


def test_of_two_perfkits_each_tells_its_own(door: Door) -> None:
    site = Site(door, rule("2/hour"), times=2)
    found = [site.get() for _ in range(3)]
    assert [response.status for response in found] == [200, 200, 429]
    assert [len(fields(response, "RateLimit")) for response in found] == [2, 2, 1]


@pytest.mark.parametrize("spelling", ["Retry-After", "retry-after", "RETRY-AFTER"])
def test_headers_of_an_answer_of_your_own_are_there_once(door: Door, spelling: str) -> None:
    def own(exchange: Any, refusal: Any) -> Reply:
        names = {HeaderName(spelling): "5", HeaderName("cache-control"): "private", HeaderName("Content-Type"): "a/b"}
        return Reply(429, names, b"wait")

    site = Site(door, rule("1/hour"), body=own)
    site.get()
    response = site.get()
    assert (response.status, response.body) == (429, b"wait")
    assert retry_after(response) > 5
    assert response.lines("Cache-Control") == ["private"]


@pytest.mark.parametrize("status", [200, 302, 403])
def test_what_a_view_answers_that_was_refused_and_answers_otherwise_says_no_retry_after(
    door: Door, status: int
) -> None:
    """A view may go on with less, or send a visitor elsewhere; Retry-After would hold back whoever is redirected."""
    limited = ViewRule("view", "1/hour", {})

    def view(seen: Seen) -> Page:
        refused = seen.shared["rate_limit"].take(limited, None) is not None
        return answers(status if refused else 200)

    site = Site(door, rule("9/hour"), view=view)
    site.get()
    response = site.get()
    assert response.status == status
    assert bool(response.lines("Retry-After")) is (status == 403)


# Requests that end without a response


@pytest.mark.parametrize(("when", "counts"), [("status<400", False), ("5xx", True), ("status>=400", True)])
def test_a_request_without_a_response_counts_as_a_500(when: str, counts: bool) -> None:
    """As the server makes one of it."""

    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError

    def wsgi(environ: Any, start_response: Any) -> Any:
        raise ValueError

    limited = rule("1/hour", count_when=when)
    host = AsgiRateLimit(asgi, rules=[limited])
    found = [type(direct_asgi.talk_to(host).error) for _ in range(2)]
    assert (found[1] is ValueError) is not counts

    host_wsgi = WsgiRateLimit(wsgi, rules=[limited])
    raised = []
    for _ in range(2):
        try:
            direct_wsgi.call_host(host_wsgi)
        except ValueError:
            raised.append(True)
    assert (len(raised) == 2) is not counts


def test_a_handshake_that_nobody_answers_counts_as_a_500() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError

    host = AsgiRateLimit(app, rules=[rule("1/hour", count_when="status<400")])
    arrives: Any = [{"type": "websocket.connect"}]
    given = direct_asgi.scope(type="websocket", subprotocols=[])
    found = [direct_asgi.talk_to(host, scope=given, arrives=list(arrives)).error for _ in range(3)]
    assert [type(error) for error in found] == [ValueError] * 3


# Functions of the application, called wherever perfkit is


async def plan(exchange: Any) -> str:
    await asyncio.sleep(0)
    return "1/hour"


def test_a_coroutine_function_works_where_wsgi_is_called_on_an_event_loop() -> None:
    """As tests do that are coroutines and use the test client of Flask."""
    host = WsgiRateLimit(direct_wsgi.answers([b"hello"]), rules=[rule(plan)])

    async def test() -> list[str]:
        calls = [direct_wsgi.call_host(host) for _ in range(2)]
        for call in calls:
            call.items()
        return [call.status[:3] for call in calls]

    assert asyncio.run(test()) == ["200", "429"]
    gc.collect()  # a coroutine that nobody awaited would be an error


def test_a_body_that_is_not_read_is_no_trouble() -> None:
    async def view(request: Any) -> PlainTextResponse:
        return PlainTextResponse(str(len(await request.body())))

    app = Asgi(Starlette(routes=[Route("/", view, methods=["POST"])]), {"rate_limit": {"rules": [rule("1/hour")]}})
    client = TestClient(app)
    assert [client.post("/", content=b"x" * 10**6).status_code for _ in range(3)] == [200, 429, 429]
