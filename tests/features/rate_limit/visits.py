"""Requests to a rate limit without a host, and what came of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import http_sf

from perfkit import Feature, Pending, RateLimit, Reply, Stack
from perfkit.exchange import Shared
from tests.memory_exchange import MemoryExchange, Pairs


class Seconds:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Visit(MemoryExchange):
    """One request, of which a test can say who sends it."""

    def __init__(self, path: str, client: str | None, user: str | None, **given: Any) -> None:
        super().__init__(target=path, **given)
        self.peer = client
        self.signed_in = user

    @property
    def user(self) -> str | None:
        return self.signed_in

    def header(self, name: str) -> str | None:
        lines = self.lines(name)
        assert len(lines) <= 1, f"{name} came {len(lines)} times: {lines}"
        return lines[0] if lines else None

    @property
    def outcome(self) -> Any:
        return self.facts["rate_limit"]


def finish(result: Any, *, on_loop: bool = False) -> Any:
    if not isinstance(result, Pending):
        return result
    return asyncio.run(result.run_async()) if on_loop else result.run()


def visit(
    feature: Feature,
    path: str = "/",
    *,
    client: str | None = "192.0.2.1",
    user: str | None = None,
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    app: Callable[[Visit], object] | None = None,
    route: str | None = None,
    asks_views: bool = False,
    websocket: bool = False,
    on_loop: bool = False,
    end: bool = True,
    **given: Any,
) -> Visit:
    """Send one request. With `end` False it stays in flight; `leave` ends it."""
    exchange = Visit(path, client, user, **given)
    stack = Stack([feature])
    exchange.shared = Shared(feature.offers)
    exchange.asks_views = asks_views
    exchange.websocket = websocket
    exchange.signed_in = None if asks_views else user
    reply = finish(stack.request(exchange), on_loop=on_loop)
    sent: Pairs = list(headers)
    if reply is None and asks_views:
        exchange.route, exchange.signed_in = route, user
        reply = finish(stack.view(exchange), on_loop=on_loop)
    if reply is None and app is not None:
        answer = finish(app(exchange), on_loop=on_loop)
        reply = answer if isinstance(answer, Reply) else None
    if reply is not None:
        status, sent = reply.status, [(name.title, value) for name, value in reply.fields()]
        exchange.body = reply.body
    exchange.status, exchange.headers = status, sent
    finish(stack.respond(exchange), on_loop=on_loop)
    if end:
        finish(stack.end(exchange, None), on_loop=on_loop)
    return exchange


def leave(feature: Feature, exchange: Visit) -> None:
    """End a request that is in flight."""
    finish(feature.on_end(exchange, None))


def statuses(feature: Feature, count: int, path: str = "/", **given: Any) -> list[int]:
    return [visit(feature, path, **given).status for _ in range(count)]


def rule(limits: Any = "2/minute", name: str = "rule", **options: Any) -> dict[str, Any]:
    return {"name": name, "limits": limits, "jitter": False, **options}


def limited(*rules: dict[str, Any], **options: Any) -> RateLimit:
    return RateLimit(rules=rules, **options)


def parsed(value: str | None) -> list[tuple[Any, dict[str, Any]]]:
    """The members of a RateLimit field: names and parameters, as a parser of structured fields reads them."""
    assert value is not None
    members: Any = http_sf.parse(value.encode("ascii"), tltype="list")
    assert all(type(name) is str for name, _ in members)  # a String, not a Token
    return list(members)
