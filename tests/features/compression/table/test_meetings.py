"""What no row has: perfkit with the middlewares it meets, twice in one chain, and its features each alone."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from perfkit import Compression
from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.wsgi import PerfkitMiddleware as Wsgi
from tests.conformance import direct_wsgi
from tests.conformance.client import Request
from tests.conformance.hosts import Kind
from tests.conformance.inprocess_asgi import AsgiHost
from tests.doors import DOORS, Door, Front, Page, Seen
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    JSON,
    ask,
    coding,
    decoded,
    page,
    streamed,
    varies,
)

TAG = ("ETag", '"v1"')
ORIGIN = ("Origin", "https://shop.example")


# Others that compress, inside


def gzips(app: Any) -> Any:
    """A WSGI middleware that compresses, as Flask-Compress does."""

    def compressing(environ: Any, start_response: Any) -> Iterable[bytes]:
        head: list[Any] = []
        body = gzip.compress(b"".join(app(environ, lambda *arguments: head.extend(arguments))), mtime=0)
        status, headers, *_ = head
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*kept, ("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")])
        return [body]

    return compressing


def compressing_inside(door: Door) -> Front:
    if door.django:
        return Front(inner=("django.middleware.gzip.GZipMiddleware",))
    return Front(inner=(GZipMiddleware if door.protocol == "asgi" else gzips,))


def test_what_a_middleware_inside_has_compressed_is_compressed_once(door: Door) -> None:
    for answer in (page(), streamed()):
        response = ask(door, answer, front=compressing_inside(door), accept="gzip, zstd")
        assert coding(response) == "gzip"
        assert gzip.decompress(response.body) == BODY
        assert response.members("Vary") == ["Accept-Encoding"]


# Twice


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_two_of_perfkit_do_the_work_once(door: Door, method: str) -> None:
    for answer in (page(), page(BODY, TAG), streamed(CHUNKS, TAG)):
        once = ask(door, answer, method=method)
        twice = ask(door, answer, method=method, front=Front(times=2))
        assert twice.body == once.body
        for name in ("ETag", "Content-Encoding", "Content-Length", "Content-Type"):
            assert twice.lines(name) == once.lines(name)
        assert [*twice.members("Vary")] == ["Accept-Encoding"]


def test_two_of_perfkit_answer_304_with_the_tag_that_was_sent(door: Door) -> None:
    twice = Front(times=2)
    for answer in (page(), page(BODY, TAG)):
        sent = ask(door, answer, front=twice).header("ETag") or ""
        again = ask(door, answer, ("If-None-Match", sent), front=twice)
        assert (again.status, again.header("ETag"), varies(again)) == (304, sent, True)
        assert ask(door, answer, ("If-None-Match", '"other"'), front=twice).status == 200


# One feature alone


def test_compression_alone_compresses_and_makes_no_tag(door: Door) -> None:
    front = Front(middleware="CompressionMiddleware", settings={"compression": {"codings": ["br"]}})
    response = ask(door, front=front)
    assert (coding(response), decoded(response), varies(response)) == ("br", BODY, True)
    for name in ("ETag", "Server-Timing", "X-Content-Type-Options"):
        assert response.lines(name) == []
    assert ask(door, page(BODY, TAG), front=front).header("ETag") == '"v1-br"'
    assert ask(door, page(BODY, TAG), ("If-None-Match", '"v1"'), front=front).status == 200


def test_compression_alone_gives_the_304_of_the_application_its_tag_and_vary(door: Door) -> None:
    def view(seen: Seen) -> Page:
        return Page(status=304, headers=[TAG]) if seen.headers.get("if-none-match") == '"v1"' else page(BODY, TAG)

    front = Front(middleware="CompressionMiddleware")
    again = ask(door, view, ("If-None-Match", '"v1-gzip"'), accept="gzip", front=front)
    assert (again.status, again.header("ETag"), again.members("Vary")) == (304, '"v1-gzip"', ["Accept-Encoding"])


def test_conditional_get_alone_tags_and_answers_and_compresses_nothing(door: Door) -> None:
    front = Front(middleware="ConditionalGetMiddleware", settings={"conditional_get": {"minimum_size": 1}})
    first = ask(door, page(b"tiny"), front=front)
    assert (first.body, coding(first), first.lines("Vary")) == (b"tiny", None, [])
    again = ask(door, page(b"tiny"), ("If-None-Match", first.header("ETag") or ""), front=front)
    assert (again.status, again.body, again.lines("Vary")) == (304, b"", [])
    assert ask(door, page(BODY, TAG), ("If-Match", '"v1-gzip"'), front=front).status == 412


def test_the_two_alone_in_the_right_order_are_as_good_as_the_stack() -> None:
    from perfkit.asgi import CompressionMiddleware, ConditionalGetMiddleware

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": BODY})

    host = AsgiHost(Kind("asgi", "asgi"), CompressionMiddleware(ConditionalGetMiddleware(app)))
    accepting = ("Accept-Encoding", "gzip")
    tag = host.fetch(Request("GET", "/", [accepting])).header("ETag") or ""
    again = host.fetch(Request("GET", "/", [accepting, ("If-None-Match", tag)]))
    assert (again.status, again.header("ETag"), again.members("Vary")) == (304, tag, ["Accept-Encoding"])


# CORS


def cors(app: Any) -> Any:
    return CORSMiddleware(app, allow_origins=["https://shop.example"], allow_credentials=True)


@pytest.mark.parametrize("inside", [True, False], ids=["inside", "outside"])
def test_cors_of_starlette_is_on_the_200_the_304_and_the_412(inside: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        head = [(b"content-type", b"application/json"), (b"etag", b'"v1"')]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": BODY})

    host = AsgiHost(Kind("asgi", "asgi"), Asgi(cors(app), {}) if inside else cors(Asgi(app, {})))
    for condition, status in (("", 200), ("If-None-Match", 304), ("If-Match", 412)):
        value = '"v1-gzip"' if status == 304 else '"other"'
        asked = [ORIGIN, ("Accept-Encoding", "gzip"), *([(condition, value)] if condition else [])]
        response = host.fetch(Request("GET", "/", asked))
        assert response.status == status
        assert response.header("Access-Control-Allow-Origin") == "https://shop.example"
        assert "Origin" in response.members("Vary")
        assert varies(response) or status == 412
    preflight = host.fetch(Request("OPTIONS", "/", [ORIGIN, ("Access-Control-Request-Method", "GET")]))
    assert (preflight.status, preflight.body) == (200, b"OK")


class DjangoCors:
    """What django-cors-headers does to a response."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[..., Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: Any) -> Any:
        return self.later(request) if self.is_async else self.added(self.get_response(request))

    async def later(self, request: Any) -> Any:
        return self.added(await self.get_response(request))

    def added(self, response: Any) -> Any:
        response.headers["Access-Control-Allow-Origin"] = "https://shop.example"
        response.headers["Vary"] = "Origin"
        return response


@pytest.mark.parametrize("name", ["django-wsgi", "django-asgi"])
def test_cors_inside_django_is_on_the_304(name: str) -> None:
    door = next(door for door in DOORS if door.name == name)
    front = Front(inner=(f"{__name__}.DjangoCors",))
    response = ask(door, page(BODY, TAG), ORIGIN, ("If-None-Match", '"v1"'), front=front)
    assert (response.status, response.header("Access-Control-Allow-Origin")) == (304, "https://shop.example")
    assert response.members("Vary") == ["Origin", "Accept-Encoding"]


# What only WSGI has


def test_a_response_of_wsgi_without_a_type_is_left_alone() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [BODY]

    call = direct_wsgi.call_host(Wsgi(app, {}), HTTP_ACCEPT_ENCODING="gzip")
    assert call.items() == [BODY]
    assert "Content-Encoding" not in call.headers


def test_what_is_written_the_old_way_is_one_compressed_stream() -> None:
    def app(environ: Any, start_response: Any) -> Iterable[bytes]:
        write = start_response("200 OK", [JSON, ("Content-Length", str(2 * len(BODY)))])
        write(BODY)
        return [BODY]

    call = direct_wsgi.call(app, Compression(), HTTP_ACCEPT_ENCODING="gzip")
    rest = call.items()
    assert gzip.decompress(b"".join([*call.written, *rest])) == BODY * 2
    assert "Content-Length" not in call.headers


def test_one_item_comes_out_for_each_that_goes_in() -> None:
    items = direct_wsgi.Items(*CHUNKS, b"")
    call = direct_wsgi.call(direct_wsgi.answers(items), Compression(), HTTP_ACCEPT_ENCODING="zstd")
    out = iter(call.returned)
    for number in range(1, len(CHUNKS) + 1):
        assert next(out)
        assert items.taken == number
    call.close()
    assert items.closed == 1
