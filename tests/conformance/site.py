"""What a server serves: every case below its own path, and beside them what tests need to look on.

/<case>/...           the case; what follows is for the test to choose
/mounted/<case>/...   the same, mounted below a prefix
/-/trace/<id>         the notes of an exchange
/-/gate/<id>          opens the gate of an exchange
/-/collect            runs the garbage collector
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any
from wsgiref.util import shift_path_info

from tests.conformance import apps_asgi, apps_wsgi
from tests.conformance.case import find
from tests.conformance.inprocess_asgi import App as ASGIApp
from tests.conformance.inprocess_wsgi import App as WSGIApp
from tests.conformance.trace import notes_as_json, open_gate

MOUNT = "mounted"


def control(path: str) -> bytes | None:
    """What the site itself answers."""
    match path.split("/"):
        case ["", "-", "trace", request_id]:
            return notes_as_json(request_id)
        case ["", "-", "collect"]:
            gc.collect()
            return b""
        case ["", "-", "gate", request_id]:
            open_gate(request_id)
            return b""
        case ["", "-", "ready"]:
            return b"yes"
    return None


def asgi_site(app: ASGIApp) -> ASGIApp:
    async def site(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await _lifespan(receive, send)
        answer = control(scope["path"])
        if answer is not None:
            headers = [(b"content-length", str(len(answer)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": answer})
        elif scope["path"].startswith(f"/{MOUNT}/"):
            await app({**scope, "root_path": f"/{MOUNT}"}, receive, send)
        else:
            await app(scope, receive, send)

    return site


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def asgi_cases() -> ASGIApp:
    middleware = cache(lambda name: apps_asgi.middleware(find(name)))

    async def cases(scope: Any, receive: Any, send: Any) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        await middleware(path.split("/")[1])(scope, receive, send)

    return cases


def wsgi_site(app: WSGIApp) -> WSGIApp:
    def site(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        answer = control(path)
        if answer is not None:
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(answer)))])
            return [answer]
        if path.startswith(f"/{MOUNT}/"):
            shift_path_info(environ)
        return app(environ, start_response)

    return site


def wsgi_cases(*, validated: bool = False) -> WSGIApp:
    middleware: Callable[[str], WSGIApp] = cache(lambda name: apps_wsgi.middleware(find(name), validated))

    def cases(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return middleware(environ["PATH_INFO"].split("/")[1])(environ, start_response)

    return cases
