"""`perfkit.starlette.precondition`: decided before the view is run, in Starlette and in FastAPI."""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from perfkit.asgi import PerfkitMiddleware
from perfkit.starlette import csp, precondition

SUNDAY = "Sun, 06 Nov 1994 08:49:37 GMT"
MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
ANY = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST", "OPTIONS"]


def ask(app: Any, method: str = "GET", path: str = "/", perfkit: Any = True, **headers: str) -> httpx.Response:
    async def request() -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(PerfkitMiddleware(app, {}) if perfkit else app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            return await client.request(method, path, headers=named)

    return asyncio.run(request())


class View:
    """A view that counts its calls, and how it is decorated."""

    def __init__(self, decorator: Any, status: int = 200, asynchronous: bool = True, **headers: str) -> None:
        self.calls = 0

        def plain(request: Request) -> PlainTextResponse:
            self.calls += 1
            return PlainTextResponse("page", status, headers)

        async def coroutine(request: Request) -> PlainTextResponse:
            return plain(request)

        view: Any = coroutine if asynchronous else plain
        self.app = Starlette(routes=[Route("/", decorator(view), methods=ANY)])

    def ask(self, method: str = "GET", **headers: str) -> httpx.Response:
        return ask(self.app, method, "/", True, **headers)


V1 = precondition(etag='"v1"')
NOTHING = precondition(etag=lambda request: None)
REQUIRED = precondition(etag='"v1"', require=True)
DATED = precondition(last_modified=MOMENT)

# Before the view


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_change_of_an_older_version_does_not_happen(asynchronous):
    view = View(V1, asynchronous=asynchronous)
    response = view.ask("PUT", If_Match='"v0"')
    assert (response.status_code, view.calls) == (412, 0)
    assert "get it again" in response.text
    assert (view.ask("PUT", If_Match='"v1"').status_code, view.calls) == (200, 1)
    assert (view.ask("PUT", If_Match='"v0", "v1"').status_code, view.calls) == (200, 2)


def test_several_lines_of_tags_are_one_list():
    view = View(V1)
    client = TestClient(view.app)
    assert client.put("/", headers=[("If-Match", '"v0"'), ("If-Match", '"v1"')]).status_code == 200


def test_what_the_client_has_is_not_made_again():
    view = View(V1)
    response = view.ask(If_None_Match='"v1"')
    assert (response.status_code, response.content, response.headers["ETag"], view.calls) == (304, b"", '"v1"', 0)
    assert (view.ask("HEAD", If_None_Match='W/"v1"').status_code, view.calls) == (304, 0)
    assert (view.ask(If_None_Match='"v0"').status_code, view.calls) == (200, 1)


def test_create_only():
    create = {"If_None_Match": "*"}
    view = View(V1)
    assert (view.ask("PUT", **create).status_code, view.calls) == (412, 0)
    view = View(NOTHING, 201)
    assert (view.ask("PUT", **create).status_code, view.calls) == (201, 1)


def test_change_only():
    assert View(V1).ask("PUT", If_Match="*").status_code == 200
    view = View(NOTHING)
    assert (view.ask("PUT", If_Match="*").status_code, view.calls) == (412, 0)
    assert (view.ask("DELETE", If_Match='"v1"').status_code, view.calls) == (412, 0)


def test_a_date_decides_too():
    view = View(DATED)
    assert view.ask(If_Modified_Since=SUNDAY).status_code == 304
    assert view.ask("PUT", If_Unmodified_Since="Sat, 05 Nov 1994 08:49:37 GMT").status_code == 412
    assert view.calls == 0
    assert view.ask("PUT", If_Unmodified_Since=SUNDAY).status_code == 200


def test_a_read_of_nothing_is_the_views_to_answer():
    view = View(NOTHING, 404)
    assert [view.ask(If_Match='"v1"').status_code, view.ask(If_None_Match="*").status_code] == [404, 404]
    assert view.calls == 2


def test_garbage_protects():
    view = View(V1)
    for headers in ({"If_Match": "v1"}, {"If_Match": ""}, {"If_None_Match": "v1"}):
        assert view.ask("PUT", **headers).status_code == 412
    assert view.calls == 0


def test_a_request_for_the_options_is_no_change():
    def etag(request: Request) -> str:
        raise AssertionError

    view = View(precondition(etag=etag, require=True))
    assert [view.ask("OPTIONS").status_code, view.ask("OPTIONS", If_Match='"v0"').status_code] == [200, 200]


# require


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST"])
def test_a_change_without_a_condition_is_refused_where_one_is_required(method):
    view = View(REQUIRED)
    response = view.ask(method)
    assert (response.status_code, view.calls) == (428, 0)
    assert "send its ETag as If-Match" in response.text
    assert view.ask(method, If_Match='"v1"').status_code == 200
    assert View(V1).ask(method).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"If_None_Match": '"v0"'},
        {"If_Unmodified_Since": SUNDAY},
        {"If_Modified_Since": SUNDAY},
    ],
)
def test_a_condition_that_does_not_protect_is_none(headers):
    assert View(REQUIRED).ask("PUT", **headers).status_code == 428


def test_conditions_that_do():
    assert View(precondition(etag=lambda request: None, require=True)).ask("PUT", If_None_Match="*").status_code == 200
    dated = View(precondition(last_modified=MOMENT, require=True))
    assert dated.ask("PUT", If_Unmodified_Since=SUNDAY).status_code == 200
    refused = dated.ask("PUT", If_Unmodified_Since="garbage")
    assert refused.status_code == 428
    assert "If-Unmodified-Since" in refused.text


def test_a_date_to_compare_with_nothing_does_not_protect():
    for etag in ("v1", None):
        view = View(
            precondition(etag=lambda request, etag=etag: etag, last_modified=lambda request: None, require=True)
        )
        assert (view.ask("PUT", If_Unmodified_Since=SUNDAY).status_code, view.calls) == (412, 0)
    optional = View(precondition(etag="v1", last_modified=lambda request: None))
    assert optional.ask("PUT", If_Unmodified_Since=SUNDAY).status_code == 200


def test_reading_needs_no_condition():
    assert [View(REQUIRED).ask(method).status_code for method in ("GET", "HEAD")] == [200, 200]


def test_the_version_is_not_looked_up_for_what_is_refused_anyway():
    def etag(request: Request) -> str:
        raise AssertionError

    assert View(precondition(etag=etag, require=True)).ask("PUT").status_code == 428
    assert View(precondition(etag=etag)).ask("PUT").status_code == 200


# The validators of the answer


def test_a_read_gets_the_validators():
    response = View(precondition(etag="v1", last_modified=MOMENT)).ask()
    assert (response.headers["ETag"], response.headers["Last-Modified"]) == ('"v1"', SUNDAY)


def test_those_of_the_view_stay():
    assert View(V1, ETag='"own"').ask().headers.get_list("ETag") == ['"own"']


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("GET", 302), ("PUT", 200), ("DELETE", 204)])
def test_other_answers_get_none(method, status):
    assert "ETag" not in ask(View(V1, status).app, method, perfkit=False).headers


# How they are found


def test_a_function_runs_on_a_thread_and_a_coroutine_function_on_the_loop():
    threads = {}

    def plain(request: Request) -> str:
        threads["plain"] = threading.get_ident()
        return "v1"

    async def coroutine(request: Request) -> datetime:
        threads["coroutine"] = threading.get_ident()
        return MOMENT

    for asynchronous in (True, False):
        headers = View(precondition(etag=plain, last_modified=coroutine), asynchronous=asynchronous).ask().headers
        assert (headers["ETag"], headers["Last-Modified"]) == ('"v1"', SUNDAY)
        assert threads["plain"] != threads["coroutine"] == threading.get_ident()


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_function_may_give_what_has_to_be_awaited(asynchronous):
    async def later(tag: str) -> str:
        return tag

    decorator = precondition(etag=lambda request: later("v1"))
    assert View(decorator, asynchronous=asynchronous).ask().headers["ETag"] == '"v1"'


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, TypeError, "needs an etag or a last_modified"),
        ({"require": True}, TypeError, "needs an etag or a last_modified"),
        ({"etag": 7}, TypeError, r"write for example str\(7\)"),
        ({"etag": "a b"}, ValueError, "cannot be an entity tag"),
        ({"last_modified": SUNDAY}, TypeError, "has to be a datetime"),
    ],
)
def test_a_mistake_is_told_when_it_is_made(arguments, error, message):
    with pytest.raises(error, match=message):
        precondition(**arguments)


def test_a_tag_that_is_none_is_an_error_of_the_application():
    for tag in (7, "a b"):
        with pytest.raises((TypeError, ValueError), match=r"etag is 7|cannot be an entity tag"):
            View(precondition(etag=lambda request, tag=tag: tag)).ask()


def test_a_class_and_a_generator_are_refused():
    with pytest.raises(TypeError, match="Page is a class: decorate its methods"):

        @V1
        class Page(HTTPEndpoint):
            pass

    with pytest.raises(TypeError, match="chunks yields its response"):

        @V1
        def chunks() -> Iterator[str]:
            yield "page"


# Starlette


def test_the_methods_of_an_endpoint():
    async def etag(request: Request) -> str:
        return request.query_params["v"]

    class Page(HTTPEndpoint):
        @precondition(etag=etag)
        async def get(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("page")

        @precondition(etag=lambda request: "v1")
        def put(self, request: Request) -> PlainTextResponse:
            return PlainTextResponse("page")

    app = Starlette(routes=[Route("/", Page)])
    assert ask(app, path="/?v=7", If_None_Match='"7"').status_code == 304
    assert ask(app, "PUT", If_Match='"v0"').status_code == 412


def test_a_view_is_called_in_a_unit_test_as_without_a_decorator():
    @V1
    def price(book: int, *, tax: float = 0.0) -> float:
        return book * (1 + tax)

    assert price(10, tax=0.5) == 15
    assert price.__name__ == "price"
    assert V1(lambda websocket: "accepted")(WebSocket({"type": "websocket"}, None, None)) == "accepted"  # type: ignore[arg-type]
    assert V1(functools.partial(price, 10))(tax=0.5) == 15
    assert inspect.iscoroutinefunction(V1(View(V1).ask)) is False


# FastAPI


class Session:
    """What a dependency gives."""

    books: dict[int, int] = {1: 3}  # noqa: RUF012


def session() -> Iterator[Session]:
    yield Session()


Database = Annotated[Session, Depends(session)]


async def book_etag(book: int, database: Database) -> str | None:
    version = database.books.get(book)
    return None if version is None else f"v{version}"


def fastapi(view: Callable[..., Any], method: str = "GET", path: str = "/books/{book}", **options: Any) -> FastAPI:
    app = FastAPI()
    app.add_api_route(path, view, methods=[method], **options)
    return app


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_fastapi_a_view_of_data(kind):
    calls = []

    @precondition(etag=book_etag)
    async def coroutine(book: int) -> dict[str, int]:
        calls.append(book)
        return {"book": book}

    @precondition(etag=book_etag)
    def plain(book: int) -> dict[str, int]:
        calls.append(book)
        return {"book": book}

    app = fastapi(coroutine if kind == "async" else plain)
    response = ask(app, path="/books/1")
    assert (response.json(), response.headers["ETag"], calls) == ({"book": 1}, '"v3"', [1])
    again = ask(app, path="/books/1", If_None_Match='"v3"')
    assert (again.status_code, again.content, again.headers["ETag"], calls) == (304, b"", '"v3"', [1])
    assert "ETag" not in ask(app, path="/books/2", perfkit=False).headers


def test_fastapi_errors_are_those_of_the_application():
    @precondition(etag=book_etag, require=True)
    def view(book: int) -> None: ...

    app = fastapi(view, "PUT")
    assert ask(app, "PUT", "/books/1", If_Match='"v2"').json()["detail"].startswith("The resource is not what")
    assert ask(app, "PUT", "/books/1").json()["detail"].startswith("This request has to be conditional")

    app = fastapi(view, "PUT")

    @app.exception_handler(412)
    async def handler(request: Request, error: Exception) -> Response:
        return JSONResponse({"title": "changed"}, 412)

    assert ask(app, "PUT", "/books/1", If_Match='"v2"').json() == {"title": "changed"}


def test_fastapi_a_view_that_makes_its_response():
    @precondition(etag=book_etag)
    async def view(book: int) -> Response:
        return JSONResponse({"book": book})

    assert ask(fastapi(view), path="/books/1").headers["ETag"] == '"v3"'


def test_fastapi_a_view_that_takes_request_response_and_session_itself():
    def etag(request: Request, book: int, database: Database) -> str:
        return f"{request.method}-{database.books[book]}"

    @precondition(etag=etag)
    async def view(book: int, req: Request, res: Response, database: Database, q: str = "") -> list[Any]:
        res.headers["X-Path"] = req.url.path
        return [book, q, sorted(database.books)]

    response = ask(fastapi(view), path="/books/1?q=x")
    assert (response.json(), response.headers["X-Path"]) == ([1, "x", [1]], "/books/1")
    assert response.headers["ETag"] == '"GET-3"'


def test_fastapi_the_answer_of_a_view_that_sets_its_own():
    @precondition(etag=book_etag)
    async def view(book: int, response: Response) -> int:
        response.headers["ETag"] = '"own"'
        return book

    @precondition(etag=book_etag)
    async def gone(book: int, response: Response) -> int:
        response.status_code = 410
        return book

    assert ask(fastapi(view), path="/books/1").headers.get_list("ETag") == ['"own"']
    assert "ETag" not in ask(fastapi(gone), path="/books/1").headers


def test_fastapi_other_decorators_around_and_inside():
    image = csp.override(frame="sameorigin")

    @precondition(last_modified=lambda: MOMENT)
    @image
    @precondition(etag=book_etag)
    def view(book: int) -> int:
        return book

    response = ask(fastapi(view), path="/books/1")
    assert (response.json(), response.headers["ETag"], response.headers["Last-Modified"]) == (1, '"v3"', SUNDAY)
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_fastapi_the_schema_has_what_the_etag_asks_for_beside():
    def etag(book: int, edition: int = 1) -> str:
        return f"{book}-{edition}"

    @precondition(etag=etag)
    async def view(book: int) -> int:
        return book

    operation = fastapi(view).openapi()["paths"]["/books/{book}"]["get"]
    assert [parameter["name"] for parameter in operation["parameters"]] == ["book", "edition"]
    assert ask(fastapi(view), path="/books/1?edition=2").headers["ETag"] == '"1-2"'


def test_fastapi_an_etag_that_takes_all():
    @precondition(etag=lambda **named: "-".join(sorted(named)))
    async def view(book: int, q: str = "") -> int:
        return book

    assert ask(fastapi(view), path="/books/1").headers["ETag"] == '"book-q-request"'
