"""Very many requests to one application, without a server that checks each of them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from django.test import override_settings

from tests.conformance.client import Request
from tests.conformance.inprocess_asgi import background_loop, scope_of
from tests.conformance.inprocess_wsgi import environ_of
from tests.features.metrics.table.site import Served

# Seconds that all of them may take; they take about ten.
PATIENCE: Final = 200
TOKEN: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~"


def send_all(served: Served, requests: Iterable[Request]) -> None:
    """Send these requests, one after the other; what fails of them is the application's affair."""
    host: Any = served.host
    inner = getattr(host, "host", host)
    settings = override_settings(**host.settings) if host is not inner else nullcontext()
    with settings:
        if inner.kind.protocol == "asgi":
            sending = asyncio.run_coroutine_threadsafe(_send_asgi(inner.app, requests), background_loop())
            sending.result(PATIENCE)
        else:
            for request in requests:
                _send_wsgi(inner.app, request)


async def _send_asgi(app: Any, requests: Iterable[Request]) -> None:
    for request in requests:
        scope = scope_of(request)
        # As servers give a path that is no UTF-8: some with what stands for it, others with what stands in its place.
        raw = unquote_to_bytes(scope["raw_path"])
        scope["path"] = raw.decode("utf-8", random.choice(["replace", "surrogateescape"]))
        arrives = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive(arrives: Any = arrives) -> Any:
            return arrives.pop() if arrives else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            pass

        try:
            await app(scope, receive, send)
        except Exception:
            continue


def _send_wsgi(app: Any, request: Request) -> None:
    try:
        body = app(environ_of(request), lambda *_: len)
    except Exception:
        return
    try:
        for _ in body:
            pass
    except Exception:
        return
    finally:
        if hasattr(body, "close"):
            body.close()


def random_paths(count: int, seed: int = 8) -> list[str]:
    """Paths as scanners ask for them, and worse: any bytes at all."""
    chance = random.Random(seed)
    return [f"/{quote(chance.randbytes(chance.randrange(1, 24)))}" for _ in range(count)]


def random_methods(count: int, seed: int = 9) -> list[str]:
    """Methods as the grammar allows them (RFC 9110 section 9.1)."""
    chance = random.Random(seed)
    return ["".join(chance.choices(TOKEN, k=chance.randrange(1, 12))) for _ in range(count)]
