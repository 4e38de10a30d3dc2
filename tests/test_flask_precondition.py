"""`perfkit.flask.precondition`: decided before the view is run."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from flask import Flask, Response, jsonify, make_response, send_file
from flask.views import MethodView
from werkzeug.exceptions import HTTPException

from perfkit.flask import precondition
from perfkit.wsgi import PerfkitMiddleware

SUNDAY = "Sun, 06 Nov 1994 08:49:37 GMT"
MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
METHODS = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]
VERSIONS = {1: 3}


def flask(view: Any) -> Flask:
    app = Flask(__name__)
    app.add_url_rule("/books/<int:book>", view_func=view, methods=METHODS)
    app.wsgi_app = PerfkitMiddleware(app.wsgi_app, {})  # type: ignore[method-assign]
    return app


def ask(view: Any, method: str = "GET", book: int = 1, **headers: str) -> Any:
    app = view if isinstance(view, Flask) else flask(view)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return app.test_client().open(f"/books/{book}", method=method, headers=named)


def etag(book: int) -> str | None:
    return f"v{VERSIONS[book]}" if book in VERSIONS else None


async def async_etag(book: int) -> str | None:
    return etag(book)


@pytest.fixture(params=["sync", "async"])
def view(request):
    decorate = precondition(etag=etag, last_modified=lambda: MOMENT, require=True)
    calls: list[int] = []

    def plain(book: int, calls: list[int] = calls) -> Any:
        calls.append(book)
        return {"book": book}

    async def coroutine(book: int, calls: list[int] = calls) -> Any:
        return plain(book)

    decorated: Any = decorate(coroutine if request.param == "async" else plain)
    decorated.calls = calls
    return decorated


def test_a_change_of_an_older_version_does_not_happen(view):
    response = ask(view, "PUT", If_Match='"v2"')
    assert (response.status_code, view.calls) == (412, [])
    assert "get it again" in response.text
    assert (ask(view, "PUT", If_Match='"v3"').status_code, view.calls) == (200, [1])


def test_a_change_without_a_condition_is_refused(view):
    response = ask(view, "PUT")
    assert (response.status_code, view.calls) == (428, [])
    assert "send its ETag as If-Match" in response.text


def test_what_the_client_has_is_not_made_again(view):
    response = ask(view, If_None_Match='"v3"')
    assert (response.status_code, response.data, view.calls) == (304, b"", [])
    assert response.headers["ETag"] == '"v3"'  # Werkzeug takes Last-Modified out of every 304
    assert "Content-Type" not in response.headers


def test_a_read_gets_the_validators(view):
    response = ask(view)
    assert (response.json, response.headers["ETag"]) == ({"book": 1}, '"v3"')
    assert response.headers["Last-Modified"] == SUNDAY
    assert "ETag" not in ask(view, "PUT", If_Match='"v3"').headers


@pytest.mark.parametrize("find", [async_etag, lambda book: async_etag(book=book)])
def test_an_asynchronous_etag(find):
    decorated = precondition(etag=find)

    def plain(book: int) -> str:
        return "page"

    async def coroutine(book: int) -> str:
        return "page"

    for each in (plain, coroutine):
        assert ask(decorated(each)).headers["ETag"] == '"v3"'


def test_errors_are_those_of_the_application():
    app = flask(precondition(etag=etag)(lambda book: ""))

    @app.errorhandler(HTTPException)
    def handler(error: HTTPException) -> Response:
        response = jsonify(title=error.name)
        response.status_code = error.code or 500
        return response

    response = ask(app, "PUT", If_Match='"v2"')
    assert (response.status_code, response.json) == (412, {"title": "Precondition Failed"})


def test_what_a_view_may_return():
    for returned in ("page", ("page", 200), (["page"], {"X-Own": "1"})):
        assert ask(precondition(etag=etag)(lambda book, returned=returned: returned)).headers["ETag"] == '"v3"'
    assert "ETag" not in ask(precondition(etag=etag)(lambda book: ("gone", 410))).headers

    def own(book: int) -> Response:
        response = make_response("page")
        response.set_etag("own")
        return response

    def stream(book: int) -> Any:
        yield "one "
        yield "two"

    assert ask(precondition(etag=etag)(own)).headers.getlist("ETag") == ['"own"']
    streamed = ask(precondition(etag=etag)(stream))
    assert (streamed.text, streamed.headers["ETag"]) == ("one two", '"v3"')
    with ask(precondition(etag=etag)(lambda book: send_file(__file__, etag=False))) as sent:
        assert sent.headers["ETag"] == '"v3"'


def test_the_methods_of_a_view():
    class Book(MethodView):
        @precondition(etag=etag)
        def get(self, book: int) -> str:
            return "page"

        @precondition(etag=async_etag, require=True)
        async def put(self, book: int) -> str:
            return "page"

    class Guarded(MethodView):
        decorators: ClassVar = [precondition(etag=etag)]

        def put(self, book: int) -> str:
            return "page"

    assert ask(Book.as_view("book"), If_None_Match='"v3"').status_code == 304
    assert ask(Book.as_view("book"), "PUT").status_code == 428
    assert ask(Guarded.as_view("book"), "PUT", If_Match='"v2"').status_code == 412


def test_create_only():
    view = precondition(etag=etag)(lambda book: ("page", 201))
    assert ask(view, "PUT", 1, If_None_Match="*").status_code == 412
    assert ask(view, "PUT", 2, If_None_Match="*").status_code == 201


def test_a_view_is_called_in_a_unit_test_as_without_a_decorator():
    assert precondition(etag=etag)(lambda book: book + 1)(3) == 4


def test_a_class_is_refused():
    with pytest.raises(TypeError, match="Page is a class: decorate its methods"):

        @precondition(etag=etag)
        class Page(MethodView):
            pass
