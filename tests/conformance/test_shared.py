"""What a feature and the application tell each other, and headers of several lines."""

from __future__ import annotations

import asyncio
from http.cookies import CookieError
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse

from perfkit import Exchange, Feature, HeaderName
from perfkit.asgi import PerfkitMiddleware as AsgiMiddleware
from perfkit.django import PerfkitMiddleware as DjangoMiddleware
from perfkit.exchange import SET_COOKIE
from perfkit.wsgi import PerfkitMiddleware as WsgiMiddleware
from tests.conformance import django_project  # noqa: F401 - configures Django

LINK = HeaderName("Link")


class Greeting(Feature):
    """Greets by name in both directions."""

    shares = True

    def __init__(self, name: str = "greeting") -> None:
        self.name = name
        self.answer: Any = None
        self.scope: Any = None

    def on_request(self, exchange: Exchange) -> None:
        exchange.shared[self.name] = "hello"

    def on_response(self, exchange: Exchange) -> None:
        self.answer = exchange.shared.get("answer")


class Lines(Feature):
    """Reads the lines of a header, and sets others."""

    def __init__(self, header: HeaderName, *lines: str) -> None:
        self.header = header
        self.lines = lines
        self.seen: list[str] = []

    def on_response(self, exchange: Exchange) -> None:
        self.seen = exchange.response_header_lines(self.header)
        exchange.set_header_lines(self.header, self.lines)


def through_asgi(*features: Feature, headers: Any = (), seen: Any = None) -> list[tuple[str, str]]:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if seen is not None:
            seen.update(scope.get("perfkit", {}))
            scope.get("perfkit", {})["answer"] = "thanks"
        raw = [(name.encode(), value.encode()) for name, value in headers]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body"})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(AsgiMiddleware(app, features=features)(scope, None, send))  # type: ignore[arg-type]
    return [(name.decode().title(), value.decode()) for name, value in sent[0]["headers"]]


def through_wsgi(*features: Feature, headers: Any = (), seen: Any = None) -> list[tuple[str, str]]:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        if seen is not None:
            seen.update(environ.get("perfkit", {}))
            environ.get("perfkit", {})["answer"] = "thanks"
        start_response("200 OK", list(headers))
        return [b""]

    sent: list[Any] = []
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "wsgi.url_scheme": "http"}

    def start_response(status: str, fields: Any, *_: Any) -> Any:
        sent.extend(fields)

    body: Any = WsgiMiddleware(app, features=features)(environ, start_response)
    body.close()
    return sent


def through_django(*features: Feature, headers: Any = (), seen: Any = None) -> list[tuple[str, str]]:
    def view(request: HttpRequest) -> HttpResponse:
        if seen is not None:
            seen.update(vars(request).get("perfkit", {}))
            vars(request).get("perfkit", {})["answer"] = "thanks"
        response = HttpResponse()
        del response.headers["Content-Type"]
        for name, value in headers:
            if name == "Set-Cookie":
                response.set_cookie(*value.split("=", 1))
            else:
                response.headers[name] = value
        return response

    request = HttpRequest()
    request.method = "GET"
    response = DjangoMiddleware(view, features=features)(request)
    response.close()
    cookies = [("Set-Cookie", cookie.OutputString()) for cookie in response.cookies.values()]
    return [*response.headers.items(), *cookies]


HOSTS = pytest.mark.parametrize("through", [through_asgi, through_wsgi, through_django])


@HOSTS
def test_feature_and_application_share_a_dictionary(through: Any) -> None:
    feature = Greeting()
    seen: dict[str, Any] = {}
    through(feature, seen=seen)
    assert seen["greeting"] == "hello"
    assert feature.answer == "thanks"


@HOSTS
def test_nothing_is_shared_where_no_feature_asks(through: Any) -> None:
    seen: dict[str, Any] = {}
    through(Lines(LINK), seen=seen)
    assert seen == {}


def test_stacks_around_each_other_share_one_dictionary() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.update(scope["perfkit"])

    inner = AsgiMiddleware(app, features=[Greeting("inner")])
    outer = AsgiMiddleware(inner, features=[Greeting("outer")])
    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    asyncio.run(outer(scope, None, None))  # type: ignore[arg-type]
    assert seen == {"inner": "hello", "outer": "hello"}


@HOSTS
def test_lines_are_read_one_by_one_and_replaced(through: Any) -> None:
    feature = Lines(SET_COOKIE, "a=1; Path=/; HttpOnly; Secure", 'c="x y"; SameSite=Lax')
    sent = through(feature, headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    assert [line.partition(";")[0] for line in feature.seen] == ["a=1", "b=2"]
    cookies = [value for name, value in sent if name == "Set-Cookie"]
    assert [set(line.split("; ")) for line in cookies] == [
        {"a=1", "Path=/", "HttpOnly", "Secure"},
        {'c="x y"', "SameSite=Lax"},
    ]


@HOSTS
def test_a_header_that_is_absent_has_no_lines(through: Any) -> None:
    feature = Lines(LINK, "</a>", "</b>")
    sent = through(feature)
    assert feature.seen == []
    assert ", ".join(value for name, value in sent if name == "Link") == "</a>, </b>"


@HOSTS
def test_a_line_that_cannot_be_sent_changes_nothing(through: Any) -> None:
    class Bad(Feature):
        observer = True

        def on_response(self, exchange: Exchange) -> None:
            exchange.set_header_lines(LINK, ["</b>", "</c>\r\nX: 1"])

    assert ("Link", "</a>") in through(Bad(), headers=[("Link", "</a>")])


def test_a_cookie_with_an_attribute_that_is_not_known_is_kept_by_django() -> None:
    sent = through_django(Lines(SET_COOKIE, "a=1; Shiny; Path=/x"))
    assert ("Set-Cookie", "a=1; Path=/x") in sent


def test_a_cookie_without_a_name_is_refused_by_django() -> None:
    with pytest.raises(CookieError):
        through_django(Lines(SET_COOKIE, "=1"))


class Target(Feature):
    def __init__(self) -> None:
        self.seen = ""

    def on_request(self, exchange: Exchange) -> None:
        self.seen = exchange.target


@pytest.mark.parametrize("raw", [b"/caf%C3%A9/a%2Fb", None])
def test_the_target_of_asgi_is_what_the_client_sent(raw: bytes | None) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    feature = Target()
    scope = {"type": "http", "method": "GET", "path": "/caf\xe9/a/b", "query_string": b"q=%20", "headers": []}
    if raw is not None:
        scope["raw_path"] = raw
    asyncio.run(AsgiMiddleware(app, features=[feature])(scope, None, None))  # type: ignore[arg-type]
    assert feature.seen == ("/caf%C3%A9/a%2Fb?q=%20" if raw else "/caf%C3%A9/a/b?q=%20")


def test_the_target_of_wsgi_is_encoded_again() -> None:
    feature = Target()
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "/shop",
        "PATH_INFO": "/caf\xc3\xa9/100%",
        "QUERY_STRING": "q=%20",
        "wsgi.url_scheme": "http",
    }

    def app(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    WsgiMiddleware(app, features=[feature])(environ, lambda *_: None)  # type: ignore[arg-type]
    assert feature.seen == "/shop/caf%C3%A9/100%25?q=%20"


def test_the_target_of_django_is_encoded_again() -> None:
    feature = Target()
    request = HttpRequest()
    request.method, request.path = "GET", "/caf\xe9/100%"
    request.META["QUERY_STRING"] = "q=%20"
    DjangoMiddleware(lambda _: HttpResponse(), features=[feature])(request).close()
    assert feature.seen == "/caf%C3%A9/100%25?q=%20"
