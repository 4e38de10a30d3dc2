"""ConditionalGet around real applications: whole bodies, streams and files, on every host."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from django.http import FileResponse as DjangoFile
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path as django_path
from flask import Flask, Response, jsonify, send_file
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, StreamingResponse
from starlette.routing import Route

from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.wsgi import PerfkitMiddleware as Wsgi
from tests.conformance import django_project  # noqa: F401 - configures Django

SETTINGS: Any = {"compression": False, "cache_control": {"rules": [{"type": "application/json", "value": "no-cache"}]}}
DATA = {"books": ["Emma", "Persuasion"] * 10}
TAG = {"ETag": '"mine"'}
MOMENT = 784111777
NAMES = ("json", "stream", "file")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("site") / "page.txt"
    path.write_text("page " * 100)
    os.utime(path, (MOMENT, MOMENT))
    return path


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def through_starlette(file: Path, method: str, path: str, headers: dict[str, str]) -> Answer:
    def json(request: Request) -> JSONResponse:
        return JSONResponse(DATA)

    def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(iter(["one ", "two"]), headers=TAG)

    def from_file(request: Request) -> FileResponse:
        return FileResponse(file)

    app = Asgi(Starlette(routes=[Route("/json", json), Route("/stream", stream), Route("/file", from_file)]), SETTINGS)

    async def ask() -> Answer:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop.example") as client:
            response = await client.request(method, path, headers=headers)
            return Answer(response.status_code, dict(response.headers), response.content)

    return asyncio.run(ask())


def through_flask(file: Path, method: str, path: str, headers: dict[str, str]) -> Answer:
    app = Flask(__name__)
    app.add_url_rule("/json", "json", lambda: jsonify(DATA))
    app.add_url_rule("/stream", "stream", lambda: Response(iter(["one ", "two"]), headers=TAG))
    app.add_url_rule("/file", "file", lambda: send_file(file, conditional=False))
    app.wsgi_app = Wsgi(app.wsgi_app, SETTINGS)  # type: ignore[method-assign]
    with app.test_client().open(path, method=method, headers=headers) as response:
        lower = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, lower, response.data)


def django_urls(file: Path) -> tuple[Any, ...]:
    def json(request: HttpRequest) -> HttpResponse:
        return JsonResponse(DATA)

    def stream(request: HttpRequest) -> StreamingHttpResponse:
        def chunks() -> Iterator[str]:
            yield "one "
            yield "two"

        return StreamingHttpResponse(chunks(), headers=TAG)

    def from_file(request: HttpRequest) -> DjangoFile:
        return DjangoFile(file.open("rb"), headers=TAG)

    return django_path("json", json), django_path("stream", stream), django_path("file", from_file)


def through_django(file: Path, method: str, path: str, headers: dict[str, str]) -> Answer:
    with django_settings(file):
        response = Client().generic(method, path, headers=headers)
        body = response.getvalue()
        response.close()
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


def through_django_async(file: Path, method: str, path: str, headers: dict[str, str]) -> Answer:
    async def ask() -> Answer:
        response: Any = await AsyncClient().generic(method, path, headers=headers)
        if response.streaming and response.is_async:
            body = b"".join([chunk async for chunk in response.streaming_content])
        else:
            body = response.getvalue()
        response.close()
        return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)

    with django_settings(file):
        return asyncio.run(ask())


def django_settings(file: Path) -> Any:
    middleware = ("perfkit.django.PerfkitMiddleware",)
    return override_settings(MIDDLEWARE=middleware, PERFKIT=SETTINGS, ROOT_URLCONF=django_urls(file))


ASYNC_FILES = "ignore:StreamingHttpResponse must consume synchronous iterators:Warning"
EVERY_HOST = pytest.mark.parametrize(
    "through", [through_starlette, through_flask, through_django, through_django_async]
)
pytestmark = pytest.mark.filterwarnings(ASYNC_FILES)


@EVERY_HOST
@pytest.mark.parametrize("name", NAMES)
def test_what_the_client_has_is_not_sent_again(through, name, file):
    first = through(file, "GET", f"/{name}", {})
    assert first.status == 200
    assert len(first.body) > 5
    again = through(file, "GET", f"/{name}", {"If-None-Match": first.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert not {"content-length", "content-type", "transfer-encoding"} & again.headers.keys()
    for kept in ("etag", "cache-control", "vary", "x-content-type-options"):
        assert again.headers.get(kept) == first.headers.get(kept)


@EVERY_HOST
def test_made_tags_are_weak_and_those_of_the_application_stay(through, file):
    assert through(file, "GET", "/json", {}).headers["etag"].startswith('W/"')
    assert through(file, "GET", "/stream", {}).headers["etag"] == '"mine"'


@EVERY_HOST
@pytest.mark.parametrize("name", NAMES)
def test_head_is_answered_as_get(through, name, file):
    first = through(file, "GET", f"/{name}", {})
    head = through(file, "HEAD", f"/{name}", {})
    assert (head.status, head.body) == (200, b"")
    # Flask gives no body to hash for HEAD; a tag of the empty body would be wrong.
    assert head.headers.get("etag") in (first.headers["etag"], None)
    if "etag" in head.headers:
        asked = {"If-None-Match": first.headers["etag"]}
        assert through(file, "HEAD", f"/{name}", asked).status == 304


@EVERY_HOST
@pytest.mark.parametrize("name", NAMES)
def test_a_read_whose_condition_fails(through, name, file):
    response = through(file, "GET", f"/{name}", {"If-Match": '"other"'})
    assert (response.status, response.body) == (412, b"")
    assert response.headers["cache-control"] == "no-store"
    assert response.headers.get("content-length", "0") == "0"


@EVERY_HOST
@pytest.mark.parametrize("if_range", ['W/"mine"', "garbage"])
def test_the_application_does_not_see_a_range_that_cannot_hold(through, if_range, file):
    response = through(file, "GET", "/file", {"Range": "bytes=0-3", "If-Range": if_range})
    assert (response.status, len(response.body)) == (200, 500)
