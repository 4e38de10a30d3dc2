"""`perfkit.compat.django`: where it does better than what it replaces; for the rest see test_upstream.py."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory, override_settings
from django.utils.decorators import decorator_from_middleware

from perfkit.compat.django import ConditionalGetMiddleware, GZipMiddleware

TEXT = b"text " * 1000


def text(**headers: str) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(TEXT, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return view


def a_request(method: str = "GET", **headers: str) -> HttpRequest:
    headers = {"accept_encoding": "gzip"} | headers
    return RequestFactory().generic(method, "/", headers={k.replace("_", "-"): v for k, v in headers.items()})


def in_djangos_order(view: Any) -> Any:
    return GZipMiddleware(ConditionalGetMiddleware(view))


def in_the_other_order(view: Any) -> Any:
    return ConditionalGetMiddleware(GZipMiddleware(view))


BOTH_ORDERS = pytest.mark.parametrize("stacked", [in_djangos_order, in_the_other_order])


@BOTH_ORDERS
def test_304_however_the_random_name_of_the_body_differs(stacked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter([0, 3, 99, 0])
    monkeypatch.setattr("secrets.randbelow", lambda most: next(drawn))
    app = stacked(text())
    tags = [app(a_request())["ETag"] for _ in range(2)]
    assert [app(a_request(if_none_match=tag)).status_code for tag in tags] == [304, 304]


def test_a_tag_is_weak_only_where_the_body_differs_each_time() -> None:
    archive = gzip.compress(TEXT, mtime=0)
    app = ConditionalGetMiddleware(lambda request: HttpResponse(archive, content_type="application/gzip"))
    assert app(a_request())["ETag"].startswith('"')
    assert in_the_other_order(text())(a_request())["ETag"].startswith("W/")


@BOTH_ORDERS
def test_304_keeps_vary(stacked: Any) -> None:
    app = stacked(text())
    sent = app(a_request())
    not_modified = app(a_request(if_none_match=sent["ETag"]))
    assert not_modified["Vary"] == sent["Vary"] == "Accept-Encoding"


def test_304_has_the_tag_that_the_client_has() -> None:
    app = in_djangos_order(text(etag='"abc"'))
    assert app(a_request(if_none_match='W/"abc"'))["ETag"] == 'W/"abc"'
    assert app(a_request(if_none_match='"abc"'))["ETag"] == '"abc"'
    assert app(a_request(if_none_match='W/"abc", "abc"'))["ETag"] == '"abc"'


def test_304_keeps_what_is_not_of_the_body() -> None:
    app = ConditionalGetMiddleware(text(etag='"abc"', access_control_allow_origin="*"))
    assert app(a_request(if_none_match='"abc"'))["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("headers", [{}, {"etag": '"abc"'}], ids=["made", "the view's"])
def test_if_match_holds_for_the_tag_that_was_sent(headers: dict[str, str]) -> None:
    app = in_djangos_order(text(**headers))
    tag = app(a_request())["ETag"]
    assert tag.startswith("W/")
    assert app(a_request(if_match=tag)).status_code == 200
    assert app(a_request(if_match='W/"another"')).status_code == 412


def test_if_match_does_not_hold_for_a_weak_tag_of_the_view() -> None:
    app = in_djangos_order(text(etag='W/"abc"'))
    assert app(a_request(if_match='W/"abc"')).status_code == 412


def test_a_view_sees_its_own_tag_in_if_match() -> None:
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.headers["If-Match"])
        return HttpResponse(status=204)

    GZipMiddleware(view)(a_request("PUT", if_match='W/"abc", "d,e"'))
    assert seen == ['"abc", "d,e"']


def test_head_gets_304_too() -> None:
    app = ConditionalGetMiddleware(text(etag='"abc"'))
    assert app(a_request("HEAD", if_none_match='"abc"')).status_code == 304


@pytest.mark.parametrize("headers", [{"cache_control": "no-transform"}, {"content_range": "bytes 0-4999/9000"}])
def test_gzip_leaves_these_alone(headers: dict[str, str]) -> None:
    assert not GZipMiddleware(text(**headers))(a_request()).has_header("Content-Encoding")


def test_gzip_leaves_206_alone() -> None:
    response = GZipMiddleware(lambda request: HttpResponse(TEXT, status=206))(a_request())
    assert response.content == TEXT
    assert not response.has_header("Content-Encoding")


def test_a_weight_of_0_refuses_gzip() -> None:
    app = GZipMiddleware(text())
    assert app(a_request(accept_encoding="gzip;q=0.1"))["Content-Encoding"] == "gzip"
    assert not app(a_request(accept_encoding="gzip;q=0")).has_header("Content-Encoding")


def test_an_empty_stream_stays_empty() -> None:
    response = GZipMiddleware(lambda request: StreamingHttpResponse([]))(a_request())
    assert b"".join(response) == b""


def test_any_content_type_is_compressed() -> None:
    response = GZipMiddleware(text(content_type="application/x-unheard-of"))(a_request())
    assert gzip.decompress(response.content) == TEXT


def test_an_async_stream_is_one_member_that_can_be_read_at_once() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for chunk in (b"one,", b"two,", b"three"):
            yield chunk

    async def view(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(chunks())

    async def read() -> tuple[list[bytes], bool]:
        member = zlib.decompressobj(31)
        response = await GZipMiddleware(view)(a_request())
        return [member.decompress(chunk) async for chunk in response], member.eof and not member.unused_data

    pieces, is_one_member = asyncio.run(read())
    assert [piece for piece in pieces if piece] == [b"one,", b"two,", b"three"]
    assert is_one_member


def test_it_needs_no_thread_under_asgi() -> None:
    threads: list[int] = []

    class Noting(ConditionalGetMiddleware):
        def needs_etag(self, response: Any) -> bool:
            threads.append(threading.get_ident())
            return super().needs_etag(response)

    assert in_async(Noting, text()).has_header("ETag")
    assert threads == [threading.get_ident()]


def in_async(middleware: type[Any], view: Any, request: HttpRequest | None = None) -> Any:
    async def async_view(request: HttpRequest) -> Any:
        return view(request)

    async def run() -> Any:
        return await middleware(async_view)(request or a_request())

    return asyncio.run(run())


def in_sync(middleware: type[Any], view: Any, request: HttpRequest | None = None) -> Any:
    return middleware(view)(request or a_request())


SYNC_AND_ASYNC = pytest.mark.parametrize("through", [in_sync, in_async])


@SYNC_AND_ASYNC
def test_a_subclass_may_leave_responses_out(through: Any) -> None:
    class NotForSecrets(GZipMiddleware):
        def process_response(self, request: Any, response: Any) -> Any:
            return response if response.has_header("X-Secret") else super().process_response(request, response)

    assert not through(NotForSecrets, text(x_secret="1")).has_header("Content-Encoding")
    response = through(NotForSecrets, text())
    assert gzip.decompress(response.content) == TEXT


@SYNC_AND_ASYNC
def test_a_subclass_may_answer_early(through: Any) -> None:
    class Closed(GZipMiddleware):
        def process_request(self, request: Any) -> Any:
            return HttpResponse(TEXT, status=503)

    response = through(Closed, lambda request: pytest.fail("the view was called"))
    assert response.status_code == 503
    assert gzip.decompress(response.content) == TEXT


@SYNC_AND_ASYNC
def test_a_subclass_may_say_what_needs_a_tag(through: Any) -> None:
    class OnlyPages(ConditionalGetMiddleware):
        def needs_etag(self, response: Any) -> bool:
            return bool(response["Content-Type"].startswith("text/html"))

    assert through(OnlyPages, text()).has_header("ETag")
    assert not through(OnlyPages, text(content_type="image/png")).has_header("ETag")
    own = a_request(if_none_match='"abc"')
    assert through(OnlyPages, text(content_type="image/png", etag='"abc"'), own).status_code == 304


def test_a_subclass_says_how_much_to_add_at_random() -> None:
    def lengths(most: int | None) -> set[int]:
        middleware = type("Mine", (GZipMiddleware,), {"max_random_bytes": most})(text())
        return {len(middleware(a_request()).content) for _ in range(50)}

    (shortest,) = lengths(0)
    assert lengths(None) == {shortest}
    assert len(lengths(1000)) > 20
    assert min(lengths(3)) >= shortest
    assert max(lengths(3)) <= shortest + 3


def test_a_view_that_raises_raises_through_a_decorator() -> None:
    class Counting(GZipMiddleware):
        def process_request(self, request: Any) -> None:
            """Count it."""

    def view(request: HttpRequest) -> HttpResponse:
        raise LookupError("book")

    for middleware in (GZipMiddleware, Counting):
        with pytest.raises(LookupError, match="book"):
            decorator_from_middleware(middleware)(view)(a_request())


def test_a_body_of_any_size_gets_a_tag_and_whatever_else_it_says() -> None:
    app = ConditionalGetMiddleware(lambda request: HttpResponse(b"x", headers={"Set-Cookie": "a=b"}))
    assert app(a_request())["ETag"].startswith('"')
    app = ConditionalGetMiddleware(lambda request: HttpResponse(bytes(5_000_000)))
    assert app(a_request()).has_header("ETag")


def test_the_settings_of_perfkit_do_not_count() -> None:
    with override_settings(PERFKIT={"compression": False}):
        assert GZipMiddleware(text())(a_request())["Content-Encoding"] == "gzip"


MINE = ["perfkit.compat.django.GZipMiddleware", "perfkit.compat.django.ConditionalGetMiddleware"]


def checked(*middleware: str) -> list[str | None]:
    with override_settings(MIDDLEWARE=middleware):
        return [message.id for message in run_checks(tags=["perfkit"])]


def test_they_may_stand_where_djangos_stand() -> None:
    assert checked("django.middleware.security.SecurityMiddleware", *MINE) == []


def test_beside_all_of_perfkit_they_are_too_much() -> None:
    assert checked("perfkit.django.PerfkitMiddleware", *MINE) == ["perfkit.W001", "perfkit.W001"]
