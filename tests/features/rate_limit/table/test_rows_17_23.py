"""Rows 17 to 23 of the table: what rules can say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from perfkit import HeaderName, Reply
from perfkit import django as perfkit_django
from perfkit import flask as perfkit_flask
from perfkit import starlette as perfkit_starlette
from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.exchange import CONTENT_TYPE
from perfkit.wsgi import PerfkitMiddleware as Wsgi
from tests.doors import Door, Page, Seen
from tests.features.rate_limit.table.signing_in import PATH
from tests.features.rate_limit.table.site import Site, answers, rule, state, violated
from tests.features.rate_limit.visits import Seconds

ON: Any = {"rate_limit": True}
PLAN = HeaderName("X-Plan")


# 17: the view is what it was


async def starlette_view(request: Any) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def plain_view() -> dict[str, str]:
    return {"hello": "world"}


def in_starlette() -> list[int]:
    limited: Any = perfkit_starlette.rate_limit("2/hour")(starlette_view)
    client = TestClient(Asgi(Starlette(routes=[Route("/", limited)]), ON))
    return [client.get("/").status_code for _ in range(3)]


def in_fastapi() -> list[int]:
    """The view takes no request and gives a dict, of which slowapi makes a 500."""
    app = FastAPI()
    app.get("/")(perfkit_starlette.rate_limit("2/hour")(plain_view))
    client = TestClient(Asgi(app, ON))
    found = [client.get("/") for _ in range(3)]
    assert found[0].json() == {"hello": "world"}
    assert found[0].headers["RateLimit"]
    return [response.status_code for response in found]


def in_flask() -> list[int]:
    app = Flask(__name__)
    app.get("/")(perfkit_flask.rate_limit("2/hour")(lambda: {"hello": "world"}))
    app.wsgi_app = Wsgi(app.wsgi_app, ON)  # type: ignore[method-assign]
    client = app.test_client()
    return [client.get("/").status_code for _ in range(3)]


def in_django(view: Any, client: Any) -> list[int]:
    limited = perfkit_django.rate_limit("2/hour", name="view")(view)
    changes = {"ROOT_URLCONF": (path("", limited),), "MIDDLEWARE": ["perfkit.django.PerfkitMiddleware"]}
    with override_settings(PERFKIT=ON, **changes):
        return client()


def in_django_sync() -> list[int]:
    def ask() -> list[int]:
        client = Client()
        return [client.get("/").status_code for _ in range(3)]

    return in_django(lambda request: HttpResponse("hello"), ask)


def in_django_async() -> list[int]:
    async def view(request: Any) -> HttpResponse:
        return HttpResponse("hello")

    async def ask() -> list[int]:
        client = AsyncClient()
        return [(await client.get("/")).status_code for _ in range(3)]

    return in_django(view, lambda: asyncio.run(ask()))


@pytest.mark.parametrize("ask", [in_starlette, in_fastapi, in_flask, in_django_sync, in_django_async])
def test_17_a_view_is_limited_whatever_it_takes_and_gives(ask: Callable[[], list[int]]) -> None:
    assert ask() == [200, 200, 429]


# 18, 19: paths and methods


@pytest.mark.parametrize(
    ("match", "fitting", "others"),
    [
        (
            {"path": "/login"},
            ["/login", "/login/", "/login?next=/"],
            ["/", "/loginx", "/login/x", "/LOGIN", "/x/login"],
        ),
        ({"path": ["/a", "/b/*"]}, ["/a", "/b/", "/b/c/d"], ["/b", "/c", "/a/b"]),
        ({"path": "*.json"}, ["/a.json", "/a/b.json"], ["/a.json/x", "/json"]),
        ({"prefix": "/api"}, ["/api", "/api/", "/api/books/1"], ["/apiary", "/x/api"]),
        ({"prefix": "/api/"}, ["/api", "/api/books"], ["/apiary"]),
        ({"regex": r"/books/\d+"}, ["/books/7", "/books/7/"], ["/books/7/x", "/books/x", "/x/books/7"]),
        ({"path": "/a b"}, ["/a%20b"], ["/a+b"]),
        ({"path": "/caf\u00e9"}, ["/caf%C3%A9"], ["/cafe"]),
    ],
)
def test_18_a_rule_is_for_paths(door: Door, match: dict[str, Any], fitting: list[str], others: list[str]) -> None:
    site = Site(door, rule(f"{len(fitting)}/hour", match=match))
    assert [site.get(target).status for target in fitting] == [200] * len(fitting)
    assert [site.get(target).status for target in fitting] == [429] * len(fitting)
    assert [site.get(target).status for target in others] == [200] * len(others)


def test_19_a_rule_is_for_methods(door: Door) -> None:
    site = Site(door, rule("2/hour", match={"path": "/login", "methods": ["post", "PUT"]}))
    methods = ["POST", "GET", "PUT", "PATCH", "POST", "DELETE"]
    assert [site.get("/login", method=method).status for method in methods] == [200, 200, 200, 200, 429, 200]


def test_19_get_stands_for_head(door: Door) -> None:
    site = Site(door, rule("2/hour", match={"methods": ["GET"]}))
    assert [site.get(method=method).status for method in ("HEAD", "GET", "HEAD", "GET")] == [200, 200, 429, 429]


def test_19_each_rule_counts_what_it_is_for(door: Door) -> None:
    reads, writes = rule("3/hour", "r", match={"methods": ["GET"]}), rule("1/hour", "w", match={"methods": ["POST"]})
    site = Site(door, reads, writes)
    assert [site.get(method=method).status for method in ("POST", "POST", "GET", "GET", "GET", "GET")] == [
        *(200, 429, 200, 200, 200, 429)
    ]


# 20, 21: several windows, and all or nothing


def test_20_each_window_of_a_rule_counts(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("2/second, 5/minute", jitter=False))
    assert site.statuses(3) == [200, 200, 429]
    clock.now += 2
    assert site.statuses(3) == [200, 200, 429]
    clock.now += 2
    refused = site.get() if site.get().status == 200 else None
    assert refused is not None
    assert violated(refused) == ["rule-60s"]


def test_21_what_one_refuses_takes_nothing_of_the_others(door: Door) -> None:
    narrow = rule("1/hour", "narrow", match={"path": "/narrow"})
    site = Site(door, rule("4/hour", "first"), narrow, rule("5/day", "last", algorithm="gcra"))
    assert site.statuses(6, "/narrow") == [200, 429, 429, 429, 429, 429]
    assert {name: left["r"] for name, left in state(site.get()).items()} == {"first": 2, "last": 3}
    assert site.statuses(3) == [200, 200, 429]


def test_21_not_even_of_windows_of_the_same_rule(door: Door, clock: Seconds) -> None:
    site = Site(door, rule("1/second, 3/hour", jitter=False))
    for _ in range(3):
        assert site.statuses(4) == [200, 429, 429, 429]
        clock.now += 2


def test_21_what_is_refused_for_its_user_gives_its_address_the_rest_back(door: Door) -> None:
    """In Django the user is known later than the address."""
    rules = rule("3/hour", "ip"), rule("1/hour", "user", key="user")
    site = Site(door, *rules, inner=(PATH,) if door.django else ())
    assert [site.get(user="jane").status for _ in range(5)] == [200, 429, 429, 429, 429]
    assert [site.get(user=user).status for user in ("emma", "anne", "fanny")] == [200, 200, 429]


# 22, 23: functions


def plans(exchange: Any) -> str | None:
    plan = exchange.request_header(PLAN)
    return {"free": "1/hour", "paid": "3/hour", "staff": None}[plan]


async def awaited_plans(exchange: Any) -> str | None:
    await asyncio.sleep(0)
    return plans(exchange)


@pytest.mark.parametrize("limits", [plans, awaited_plans])
def test_22_how_much_is_allowed_says_a_function(door: Door, limits: Any) -> None:
    site = Site(door, rule(limits))
    asked = {plan: site.statuses(4, "/", ("X-Plan", plan)) for plan in ("free", "paid", "staff")}
    assert asked == {"free": [200, 429, 429, 429], "paid": [200, 200, 200, 429], "staff": [200] * 4}


async def key(exchange: Any) -> str | None:
    await asyncio.sleep(0)
    return exchange.request_header(HeaderName("X-Tenant"))


async def cost(exchange: Any) -> int:
    await asyncio.sleep(0)
    return 2


async def staff(exchange: Any) -> bool:
    await asyncio.sleep(0)
    return bool(exchange.request_header(HeaderName("X-Staff")))


async def failed(exchange: Any) -> bool:
    await asyncio.sleep(0)
    return bool(exchange.status >= 400)


async def calm(exchange: Any, refusal: Any) -> Reply:
    await asyncio.sleep(0)
    return Reply(420, {CONTENT_TYPE: "text/plain"}, f"Wait {refusal.retry_after} s".encode())


def test_23_functions_may_be_coroutine_functions(door: Door) -> None:
    def view(seen: Seen) -> Page:
        return answers(404 if "x-fail" in seen.headers else 200)

    limited = rule("4/hour", key=key, cost=cost, count_when=failed)
    site = Site(door, limited, view=view, exempt=[{"when": staff}], body=calm)
    tenant = ("X-Tenant", "a")
    assert site.statuses(3, "/", tenant) == [200] * 3  # does not count
    assert site.statuses(3, "/", tenant, ("X-Fail", "1")) == [404, 404, 420]
    assert site.statuses(3, "/", tenant, ("X-Fail", "1"), ("X-Staff", "1")) == [404] * 3
    assert site.get("/", ("X-Tenant", "b")).status == 200
    assert site.statuses(9) == [200] * 9  # None: not counted
