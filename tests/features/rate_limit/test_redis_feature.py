"""RateLimit with Redis behind it, under both protocols: what a request sees when the server comes and goes."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from perfkit.features.rate_limit import RateLimit
from perfkit.features.rate_limit._shared import SharedStore
from tests.features.rate_limit.redis_server import Server
from tests.features.rate_limit.shared import own_namespace

pytestmark = pytest.mark.server

RULES = [
    {"name": "open", "match": {"path": "/open"}, "limits": "3/hour", "on_error": "open"},
    {"name": "closed", "match": {"path": "/closed"}, "limits": "3/hour", "on_error": "closed"},
    {"name": "local", "match": {"path": "/local"}, "limits": "3/hour", "on_error": "local"},
    {"name": "flying", "match": {"path": "/flying"}, "limits": "1 concurrent", "on_error": "local"},
]
Visit = Callable[[str], int]


def feature(uri: str, namespace: str) -> RateLimit:
    made = RateLimit(rules=RULES, store=uri, namespace=namespace, store_timeout=0.5, breaker=(2, 0.3))
    assert isinstance(made.store, SharedStore)
    return made


def wsgi_visit(rate_limit: RateLimit) -> Visit:
    from perfkit.wsgi import PerfkitMiddleware

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    app = PerfkitMiddleware(application, features=[rate_limit])

    def visit(path: str) -> int:
        statuses: list[str] = []
        environ = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "203.0.113.7",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

        def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
            statuses.append(status)
            return bytes

        body: Any = app(environ, start_response)
        list(body)
        body.close()
        return int(statuses[0].split()[0])

    return visit


def asgi_visit(rate_limit: RateLimit, run: Callable[[Any], Any]) -> Visit:
    from perfkit.asgi import PerfkitMiddleware

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    app = PerfkitMiddleware(application, features=[rate_limit])

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    def visit(path: str) -> int:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [],
            "client": ("203.0.113.7", 1234),
            "server": ("localhost", 80),
            "state": {},
        }
        run(app(scope, receive, send))
        return int(sent[0]["status"])

    return visit


@pytest.fixture(params=["wsgi", "asgi"])
def visit(request: pytest.FixtureRequest, own_redis_server: Server) -> Iterator[Visit]:
    rate_limit = feature(own_redis_server.uri, own_namespace())
    store = rate_limit.store
    assert isinstance(store, SharedStore)
    if request.param == "wsgi":
        yield wsgi_visit(rate_limit)
        store.close()
        return
    with asyncio.Runner() as runner:
        yield asgi_visit(rate_limit, runner.run)
        runner.run(store.aclose())


def test_each_rule_goes_on_as_it_says(visit: Visit, own_redis_server: Server) -> None:
    assert [visit("/local") for _ in range(4)] == [200, 200, 200, 429]
    assert [visit("/open"), visit("/closed"), visit("/flying"), visit("/flying")] == [200] * 4
    own_redis_server.hang()
    for _ in range(2):
        started = time.monotonic()
        # What was used up stays so: this process has seen it.
        assert [visit("/local"), visit("/closed"), visit("/open")] == [429, 503, 200]
        assert [visit("/open") for _ in range(5)] == [200] * 5
        assert [visit("/flying"), visit("/flying")] == [200, 200]
        assert time.monotonic() - started < 30
        own_redis_server.kill()
    own_redis_server.start()
    deadline = time.monotonic() + 15
    while visit("/closed") != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert [visit("/local") for _ in range(4)] == [200, 200, 200, 429]


def test_processes_share_a_limit(redis_server: Server) -> None:
    namespace = own_namespace()
    features = [feature(redis_server.uri, namespace) for _ in range(2)]
    visits = [wsgi_visit(each) for each in features]
    assert [visits[number % 2]("/open") for number in range(5)] == [200, 200, 200, 429, 429]
    for each in features:
        each.store.close()  # type: ignore[attr-defined]
