"""`rate_limit` on views of Starlette, FastAPI, Flask, Django and Django REST framework."""

import asyncio
from typing import Annotated, Any, ClassVar

import http_sf
import httpx
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path as django_path
from django.utils.decorators import method_decorator
from django.views import View
from fastapi import Depends, FastAPI
from flask import Flask
from flask import request as flask_request
from starlette.applications import Starlette
from starlette.authentication import BaseUser
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from perfkit import ConfigurationError
from perfkit import flask as perfkit_flask
from perfkit import starlette as perfkit_starlette
from perfkit.asgi import PerfkitMiddleware as Asgi
from perfkit.django import rate_limit
from perfkit.wsgi import PerfkitMiddleware as Wsgi
from tests.conformance import django_project  # noqa: F401 - configures Django

ON: Any = {"rate_limit": True, "compression": False}
OWN: Any = {"rate_limit": {"rules": [{"name": "all", "limits": "100/hour"}]}}


def asgi(app: Any, paths: list[str], settings: Any = ON, **headers: str) -> list[httpx.Response]:
    """The answers to these requests, one after the other."""

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(Asgi(app, settings))
        async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
            return [await client.get(path, headers=headers) for path in paths]

    return asyncio.run(ask())


def codes(responses: list[Any]) -> list[int]:
    return [response.status_code for response in responses]


def members(response: Any) -> list[Any]:
    found: Any = http_sf.parse(response.headers["RateLimit"].encode(), tltype="list")
    return list(found)


def names(response: Any) -> list[str]:
    return [name for name, _ in members(response)]


class TestStarlette:
    def test_view_is_limited(self):
        @perfkit_starlette.rate_limit("2/hour", name="hello")
        async def hello(request):
            return PlainTextResponse("hello")

        found = asgi(Starlette(routes=[Route("/", hello)]), ["/"] * 3)
        assert codes(found) == [200, 200, 429]
        assert names(found[0]) == ["hello"]
        refused = found[2]
        assert refused.headers["Retry-After"]
        assert refused.headers["Cache-Control"] == "no-store"
        assert names(refused) == ["hello"]
        assert refused.json()["violated-policies"] == ["hello"]
        assert refused.headers["X-Content-Type-Options"] == "nosniff"

    def test_sync_views_too(self):
        @perfkit_starlette.rate_limit("1/hour")
        def hello(request):
            return PlainTextResponse("hello")

        assert codes(asgi(Starlette(routes=[Route("/", hello)]), ["/"] * 2)) == [200, 429]

    def test_streams_pass(self):
        @perfkit_starlette.rate_limit("1/hour")
        async def stream(request):
            return StreamingResponse(iter(["a", "b"]))

        found = asgi(Starlette(routes=[Route("/", stream)]), ["/"] * 2)
        assert [found[0].text, found[1].status_code] == ["ab", 429]

    def test_key_is_of_the_request(self):
        @perfkit_starlette.rate_limit("1/hour", key=lambda request: request.path_params["tenant"])
        async def hello(request):
            return PlainTextResponse("hello")

        app = Starlette(routes=[Route("/{tenant}", hello)])
        assert codes(asgi(app, ["/a", "/b", "/a"])) == [200, 200, 429]

    def test_async_key_in_a_list(self):
        async def tenant(request: Request) -> str:
            return str(request.path_params["tenant"])

        @perfkit_starlette.rate_limit("1/hour", key=["ip", tenant])
        async def hello(request):
            return PlainTextResponse("hello")

        app = Starlette(routes=[Route("/{tenant}", hello)])
        assert codes(asgi(app, ["/a", "/b", "/a"])) == [200, 200, 429]

    def test_user_of_a_middleware_further_in(self):
        class Somebody(BaseUser):  # whose identity raises NotImplementedError
            is_authenticated = True

            def __init__(self, username: str) -> None:
                self.username = username

        def signs_in(app: Any) -> Any:
            async def inner(scope: Any, receive: Any, send: Any) -> None:
                scope["user"] = Somebody(scope["query_string"].decode())
                await app(scope, receive, send)

            return inner

        seen = []

        def cost(request: Request) -> int:
            seen.append(request.user.username)
            return 1

        @perfkit_starlette.rate_limit("1/hour", key="user", cost=cost)
        async def hello(request):
            return PlainTextResponse("hello")

        app = signs_in(Starlette(routes=[Route("/", hello)]))
        assert codes(asgi(app, ["/?jane", "/?emma", "/?jane"])) == [200, 200, 429]
        assert seen == ["jane", "emma", "jane"]

    def test_rules_of_the_settings_count_too_and_get_back_what_they_took(self):
        @perfkit_starlette.rate_limit("1/hour", name="hello")
        async def hello(request):
            return PlainTextResponse("hello")

        found = asgi(Starlette(routes=[Route("/", hello)]), ["/"] * 3, OWN)
        assert names(found[0]) == ["all", "hello"]
        assert members(found[2])[0] == ("all", {"r": 99})

    def test_several_on_one_view(self):
        @perfkit_starlette.rate_limit("5/hour", name="outer")
        @perfkit_starlette.rate_limit("1/hour", name="inner")
        async def hello(request):
            return PlainTextResponse("hello")

        found = asgi(Starlette(routes=[Route("/", hello)]), ["/"] * 2)
        assert codes(found) == [200, 429]
        assert names(found[0]) == ["outer", "inner"]

    def test_name_that_another_rule_has_is_warned_of_once(self, caplog):
        @perfkit_starlette.rate_limit("5/hour", name="all")
        async def view(request):
            return PlainTextResponse("ok")

        asgi(Starlette(routes=[Route("/", view)]), ["/", "/"], OWN)
        said = [record.getMessage() for record in caplog.records if "two rules are called 'all'" in record.getMessage()]
        assert len(said) == 1

    def test_decorator_with_a_name_counts_its_views_together(self):
        together, apart = perfkit_starlette.rate_limit("1/hour", name="both"), perfkit_starlette.rate_limit("1/hour")

        async def one(request):
            return PlainTextResponse("one")

        async def two(request):
            return PlainTextResponse("two")

        for decorate, expected in ((together, [200, 429]), (apart, [200, 200])):
            app = Starlette(routes=[Route("/1", decorate(one)), Route("/2", decorate(two))])
            assert codes(asgi(app, ["/1", "/2"])) == expected

    def test_of_two_stacks_the_outer_one_counts_views(self):
        @perfkit_starlette.rate_limit("1/hour", name="hello")
        async def hello(request):
            return PlainTextResponse("hello")

        inner = Asgi(Starlette(routes=[Route("/", hello)]), OWN)
        found = asgi(inner, ["/"] * 2)
        assert codes(found) == [200, 429]
        assert sorted(names(found[0])) == ["all", "hello"]

    def test_exempt_requests_are_exempt_here_too(self):
        @perfkit_starlette.rate_limit("1/hour")
        async def hello(request):
            return PlainTextResponse("hello")

        settings = {"rate_limit": {"exempt": [{"path": "/free"}]}}
        app = Starlette(routes=[Route("/free", hello), Route("/", hello)])
        assert codes(asgi(app, ["/free", "/free", "/", "/"], settings)) == [200, 200, 200, 429]

    def test_methods(self):
        @perfkit_starlette.rate_limit("1/hour", match={"methods": ["POST"]})
        async def hello(request):
            return PlainTextResponse("hello")

        assert codes(asgi(Starlette(routes=[Route("/", hello)]), ["/"] * 2)) == [200, 200]

    def test_without_perfkit_is_said_once_and_the_view_runs(self, caplog):
        @perfkit_starlette.rate_limit("1/hour", name="hello")
        async def hello(request):
            return PlainTextResponse("hello")

        app = Starlette(routes=[Route("/", hello)])
        assert codes(asgi(app, ["/"] * 3, {"rate_limit": False})) == [200] * 3
        assert caplog.text.count("hello has a rate limit that does not count") == 1

    def test_mistake_is_an_error_at_once(self):
        with pytest.raises(ConfigurationError, match="'1/fortnight' is not a rate"):
            perfkit_starlette.rate_limit("1/fortnight")(lambda request: None)
        with pytest.raises(ConfigurationError, match="did you mean 'burst'"):
            perfkit_starlette.rate_limit("1/hour", brust=1)(lambda request: None)
        with pytest.raises(TypeError, match="decorate its methods"):
            perfkit_starlette.rate_limit("1/hour")(View)

    def test_charge(self):
        async def answer(request: Request) -> PlainTextResponse:
            request.scope["perfkit"]["rate_limit"].charge(100)
            return PlainTextResponse("hello")

        settings = {"rate_limit": {"rules": [{"name": "llm", "limits": "50/hour", "unit": "tokens"}]}}
        assert codes(asgi(Starlette(routes=[Route("/", answer)]), ["/"] * 2, settings)) == [200, 429]


def twice(number: int) -> int:
    return number * 2


class TestFastAPI:
    def test_view_keeps_its_signature(self):
        app = FastAPI()

        @app.get("/{number}")
        @perfkit_starlette.rate_limit("2/hour")
        async def answer(doubled: Annotated[int, Depends(twice)]) -> dict[str, int]:
            return {"doubled": doubled}

        found = asgi(app, ["/1", "/2", "/3"])
        assert codes(found) == [200, 200, 429]
        assert found[1].json() == {"doubled": 4}

    def test_sync_view_with_a_request_of_its_own(self):
        app = FastAPI()

        @app.get("/")
        @perfkit_starlette.rate_limit("1/hour", key=lambda request: request.headers.get("x-key"))
        def answer(connection: HTTPConnection) -> str:
            return connection.url.path

        found = asgi(app, ["/"] * 2, **{"X-Key": "one"})
        assert (found[0].json(), found[1].status_code) == ("/", 429)

    def test_beside_other_decorators(self):
        app = FastAPI()

        @app.get("/")
        @perfkit_starlette.csp.off()
        @perfkit_starlette.rate_limit("1/hour")
        @perfkit_starlette.precondition(etag="v1")
        async def answer() -> str:
            return "hello"

        found = asgi(app, ["/"] * 2)
        assert codes(found) == [200, 429]
        assert found[0].headers["ETag"] == '"v1"'

    def test_is_not_in_the_schema(self):
        app = FastAPI()

        @app.get("/")
        @perfkit_starlette.rate_limit("1/hour")
        async def answer(page: int = 1) -> str:
            return "hello"

        assert [each["name"] for each in app.openapi()["paths"]["/"]["get"]["parameters"]] == ["page"]


class TestFlask:
    def statuses(self, view: Any, **headers: str) -> list[int]:
        app = Flask(__name__)
        app.add_url_rule("/", "view", view)
        app.wsgi_app = Wsgi(app.wsgi_app, ON)  # type: ignore[method-assign]
        client = app.test_client()
        return [client.get("/", headers=headers).status_code for _ in range(2)]

    def test_view_is_limited(self):
        @perfkit_flask.rate_limit("1/hour")
        def hello() -> str:
            return "hello"

        assert self.statuses(hello) == [200, 429]

    def test_key_is_of_the_request(self):
        @perfkit_flask.rate_limit("1/hour", key=lambda request: request.headers["X-Key"])
        def hello() -> str:
            return flask_request.headers["X-Key"]

        assert self.statuses(hello, **{"X-Key": "one"}) == [200, 429]

    def test_async_views_too(self):
        @perfkit_flask.rate_limit("1/hour")
        async def hello() -> str:
            return "hello"

        pytest.importorskip("asgiref")
        assert self.statuses(hello) == [200, 429]


class User:
    def __init__(self, pk: str | None) -> None:
        self.pk = pk
        self.is_authenticated = pk is not None


def signs_in(get_response: Any) -> Any:
    """A middleware that knows its users by a header."""
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction

    def sync(request: Any) -> Any:
        request.user = User(request.headers.get("X-User"))
        return get_response(request)

    async def native(request: Any) -> Any:
        request.user = User(request.headers.get("X-User"))
        return await get_response(request)

    return markcoroutinefunction(native) if iscoroutinefunction(get_response) else sync


signs_in.sync_capable = signs_in.async_capable = True  # type: ignore[attr-defined]


def through_wsgi(requests: list[dict[str, str]]) -> list[Any]:
    client = Client()
    return [client.get("/books/7", headers=headers) for headers in requests]


def through_asgi(requests: list[dict[str, str]]) -> list[Any]:
    async def ask() -> list[Any]:
        client = AsyncClient()
        return [await client.get("/books/7", headers=headers) for headers in requests]

    return asyncio.run(ask())


BOTH = pytest.mark.parametrize("through", [through_wsgi, through_asgi])


def django(view: Any, through: Any, *users: str | None, settings: Any = ON) -> list[Any]:
    middleware = ("perfkit.django.PerfkitMiddleware", "tests.test_rate_limit_views.signs_in")
    urls = (django_path("books/<int:book>", view),)
    with override_settings(MIDDLEWARE=middleware, PERFKIT=settings, ROOT_URLCONF=urls, DEBUG=False):
        return through([{} if user is None else {"X-User": user} for user in users])


@BOTH
class TestDjango:
    def test_view_is_limited(self, through):
        @rate_limit("1/hour", name="hello")
        def hello(request: HttpRequest, book: int) -> HttpResponse:
            return HttpResponse("hello")

        found = django(hello, through, None, None)
        assert codes(found) == [200, 429]
        assert names(found[0]) == names(found[1]) == ["hello"]
        assert found[1].headers["Content-Type"] == "application/problem+json"

    def test_async_view_with_the_user(self, through):
        @rate_limit("1/hour", key="user")
        async def hello(request: HttpRequest, book: int) -> HttpResponse:
            return HttpResponse("hello")

        assert codes(django(hello, through, "jane", "emma", "jane")) == [200, 200, 429]

    def test_user(self, through):
        @rate_limit("1/hour", key="user")
        def hello(request: HttpRequest, book: int) -> HttpResponse:
            return HttpResponse("hello")

        assert codes(django(hello, through, "jane", "emma", "jane", None, None)) == [200, 200, 429, 200, 429]

    def test_method_of_a_class(self, through):
        class Books(View):
            @method_decorator(rate_limit("1/hour", key=lambda request: request.headers.get("X-User")))
            def get(self, request: HttpRequest, book: int) -> HttpResponse:
                return HttpResponse("hello")

        assert codes(django(Books.as_view(), through, "jane", "emma", "jane")) == [200, 200, 429]

    def test_rules_of_the_settings_know_user_and_route(self, through):
        def hello(request: HttpRequest, book: int) -> HttpResponse:
            return HttpResponse("hello")

        rules = [
            {"name": "user", "limits": "1/hour", "key": "user"},
            {"name": "route", "limits": "2/hour", "match": {"route": "books/<int:book>"}},
            {"name": "other", "limits": "1/hour", "match": {"route": "authors/"}},
        ]
        found = django(hello, through, "jane", "emma", "jane", "anne", settings={"rate_limit": {"rules": rules}})
        assert codes(found) == [200, 200, 429, 429]
        assert names(found[0]) == ["user", "route"]
        assert found[2].json()["violated-policies"] == ["user", "route"]
        assert found[3].json()["violated-policies"] == ["route"]

    def test_throttle_of_rest_framework(self, through):
        from rest_framework.exceptions import Throttled
        from rest_framework.views import APIView

        from perfkit.rest_framework import RateLimitThrottle

        class Throttle(RateLimitThrottle):
            limits = "1/hour"
            name = "books"

        class Books(APIView):  # type: ignore[misc]  # the framework has no types
            authentication_classes: ClassVar = []
            permission_classes: ClassVar = []
            throttle_classes: ClassVar = [Throttle]

            def get(self, request: Any, book: int) -> HttpResponse:
                return HttpResponse("hello")

            def handle_exception(self, error: Any) -> HttpResponse:
                assert isinstance(error, Throttled)
                return HttpResponse(f"wait {error.wait}", status=429)

        with override_settings(REST_FRAMEWORK={"UNAUTHENTICATED_USER": None}):
            found = django(Books.as_view(), through, None, None)
        assert codes(found) == [200, 429]
        assert names(found[1]) == ["books"]
        assert found[1].content == f"wait {found[1].headers['Retry-After']}".encode()
