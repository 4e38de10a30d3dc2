"""The application of test_servers.py, as servers load it, and the settings of gunicorn where it needs some."""

from __future__ import annotations

import os
from typing import Any

from perfkit.asgi import PerfkitMiddleware as AsgiMiddleware
from perfkit.health import hold_sigterm
from perfkit.wsgi import PerfkitMiddleware as WsgiMiddleware

DRAIN = float(os.environ.get("TEST_DRAIN", "1"))
SETTINGS = {"health": {"drain": DRAIN, "checks": {"it": lambda: True}}}


async def bare_asgi(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def bare_wsgi(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]


asgi = AsgiMiddleware(bare_asgi, SETTINGS)
wsgi = WsgiMiddleware(bare_wsgi, SETTINGS)


# For gunicorn: --config python:tests.features.health.served


def post_worker_init(worker: Any) -> None:
    hold_sigterm(DRAIN)
