"""One exchange through `ConditionalGet`, with a body."""

import asyncio
from collections.abc import Iterable
from typing import Any

from perfkit import ConditionalGet, Pending
from tests.memory_exchange import MemoryExchange

BODY = b"x" * 1000
MONDAY = "Mon, 07 Nov 1994 08:49:37 GMT"
SUNDAY = "Sun, 06 Nov 1994 08:49:37 GMT"
SATURDAY = "Sat, 05 Nov 1994 08:49:37 GMT"


def answer(
    *asked: tuple[str, str],
    feature: ConditionalGet | None = None,
    method: str = "GET",
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes | None = BODY,
    unique: bool = False,
    run_async: bool = False,
) -> MemoryExchange:
    """What becomes of a response; None for a body is a stream.

    Args:
        asked: headers of the request.
        feature: by default one with the default options.
        method: of the request.
        status: of the response.
        headers: of the response.
        body: of the response.
        unique: the fact of the exchange.
        run_async: whether to finish what waits as an event loop does.
    """
    feature = ConditionalGet() if feature is None else feature
    exchange = MemoryExchange(method=method, request_headers=asked)
    feature.on_request(exchange)
    exchange.status, exchange.headers, exchange.body, exchange.unique = status, list(headers), body, unique
    pending: Any = feature.on_response(exchange)
    if isinstance(pending, Pending):
        asyncio.run(pending.run_async()) if run_async else pending.run()
    exchange.frame(status, body)
    return exchange


def tag_of(exchange: MemoryExchange) -> str | None:
    """The one ETag of the response."""
    lines = exchange.lines("ETag")
    assert len(lines) <= 1
    return lines[0] if lines else None
