"""What only the Django host has to get right: its chains, its views, its kinds of responses."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction
from django.core.exceptions import MiddlewareNotUsed
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import SimpleTemplateResponse
from django.test import AsyncClient, Client

from perfkit import Exchange, HeaderName, Pending, Reply
from perfkit.django import PerfkitMiddleware
from perfkit.exchange import CONTENT_TYPE
from tests.conformance.client import Request, Response
from tests.conformance.direct_django import Protocol, perfkit, request_id_of, served
from tests.conformance.encoders import Framed, Upper
from tests.conformance.features import Answer, Edit, Encode, Recorder, Wait
from tests.conformance.trace import REQUEST_ID, Trace, note, note_of, notes_as_json

BOTH = pytest.mark.parametrize("protocol", ["wsgi", "asgi"])

View = Callable[..., Any]


def hello(request: HttpRequest, rest: str = "") -> HttpResponse:
    note(request_id_of(request), "view", thread=threading.get_ident())
    return HttpResponse("hello", headers={"Content-Type": "text/plain"})


async def async_hello(request: HttpRequest, rest: str = "") -> HttpResponse:
    return hello(request)


def view_for(protocol: Protocol) -> View:
    return hello if protocol == "wsgi" else async_hello


def ask(protocol: Protocol, view: View, *middlewares: Any, method: str = "GET") -> tuple[Response, Trace]:
    request = Request(method, "/shelf/7")
    with served(protocol, view, *middlewares) as host:
        response = host.fetch(request)
    return response, Trace.from_json(notes_as_json(request.id))


# Chains


class Threads(Recorder):
    """Notes on which thread its hooks are called."""

    def note(self, exchange: Exchange, hook: str, **facts: Any) -> None:
        super().note(exchange, hook, thread=threading.get_ident())


@BOTH
def test_no_thread_is_changed_for_the_middleware(protocol: Protocol) -> None:
    _, trace = ask(protocol, view_for(protocol), perfkit(Threads("outer")), perfkit(Threads("inner")))
    hooks = [each for each in trace if each.what == "view" or each.what.endswith(("on_request", "on_response"))]
    assert len(hooks) == 5
    assert len({each.facts["thread"] for each in hooks}) == 1


def test_blocking_view_under_asgi_runs_beside_the_event_loop() -> None:
    response, trace = ask("asgi", hello, perfkit(Threads("only")))
    assert response.body == b"hello"
    assert trace.facts("view")["thread"] != trace.facts("only.on_request")["thread"]
    assert trace.facts("only.on_response")["thread"] == trace.facts("only.on_request")["thread"]


def test_middleware_is_of_the_kind_of_its_chain() -> None:
    async def get_response(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    middleware = perfkit(Recorder("only"))
    assert iscoroutinefunction(middleware(get_response))
    assert not iscoroutinefunction(middleware(lambda request: HttpResponse()))
    assert middleware.sync_capable
    assert middleware.async_capable


def test_middleware_without_features_is_not_used() -> None:
    with pytest.raises(MiddlewareNotUsed):
        PerfkitMiddleware(lambda request: HttpResponse(), {}, features=[])


@BOTH
def test_chain_goes_on_without_a_middleware_without_features(protocol: Protocol) -> None:
    response, _ = ask(protocol, view_for(protocol), perfkit(), perfkit(Edit(append={"X-Added": "yes"})))
    assert response.body == b"hello"
    assert response.header("X-Added") == "yes"


@BOTH
def test_several_middlewares_in_one_chain(protocol: Protocol) -> None:
    chain = [perfkit(Recorder("a"), Views("b")), perfkit(Edit(status=201)), perfkit(Recorder("c"), Views("d"))]
    response, trace = ask(protocol, view_for(protocol), *chain)
    assert response.status == 201
    assert [name for name in trace.names if name != "server.last"] == [
        *("a.on_request", "b.on_request", "c.on_request", "d.on_request"),
        *("b.on_view", "d.on_view", "view"),
        *("d.on_response", "c.on_response", "b.on_response", "a.on_response"),
        *("d.on_end", "c.on_end", "b.on_end", "a.on_end"),
    ]
    assert (trace.facts("c.on_response")["status"], trace.facts("a.on_response")["status"]) == (200, 201)


INNER = "inner-of-"


def nested(request: HttpRequest, rest: str = "") -> HttpResponse:
    if rest != "inner":
        inner = Client().get("/inner", headers={REQUEST_ID.title: INNER + request_id_of(request)})
        return HttpResponse(b"outer " + inner.content)
    return hello(request)


async def async_nested(request: HttpRequest, rest: str = "") -> HttpResponse:
    if rest != "inner":
        headers = {REQUEST_ID.title: INNER + request_id_of(request)}
        inner = await AsyncClient().get("/inner", headers=headers)
        return HttpResponse(b"outer " + inner.content)
    return hello(request)


@BOTH
def test_test_client_called_by_a_view_has_an_exchange_of_its_own(protocol: Protocol) -> None:
    request = Request("GET", "/")
    with served(protocol, nested if protocol == "wsgi" else async_nested, perfkit(Recorder("only"))) as host:
        assert host.fetch(request).body == b"outer hello"
    for request_id, seen in ((request.id, "outer hello"), (INNER + request.id, "hello")):
        trace = Trace.from_json(notes_as_json(request_id))
        assert trace.facts("only.on_response")["body"] == seen
        assert trace.hooks.count("only.on_end") == 1


# Views


class Views(Recorder):
    """Notes the view; may answer in its place, may wait before."""

    def __init__(self, name: str, reply: Reply | None = None, *, waits: bool = False) -> None:
        super().__init__(name)
        self.reply = reply
        self.waits = waits

    def on_view(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        self.note(exchange, "on_view", route=exchange.route, thread=threading.get_ident())
        return Pending(lambda: self.reply) if self.waits else self.reply


@BOTH
def test_view_is_known_to_its_hook(protocol: Protocol) -> None:
    response, trace = ask(protocol, view_for(protocol), perfkit(Views("only")))
    assert response.body == b"hello"
    assert trace.facts("only.on_view")["route"] == "/<path:rest>"
    # Under ASGI it may use the database, for the user.
    assert (trace.facts("only.on_view")["thread"] == trace.facts("view")["thread"]) == (protocol == "wsgi")


def test_view_is_not_looked_at_for_features_without_the_hook() -> None:
    middleware = perfkit(Recorder("only"))(lambda request: HttpResponse())
    assert not hasattr(middleware, "process_view")


@BOTH
@pytest.mark.parametrize("waits", [False, True], ids=["at once", "after waiting"])
def test_hook_may_answer_instead_of_the_view(protocol: Protocol, waits: bool) -> None:
    reply = Reply(403, {HeaderName("Content-Type"): "text/plain"}, b"not you")
    features = [Recorder("outer"), Views("maker", reply, waits=waits), Recorder("inner")]
    response, trace = ask(protocol, view_for(protocol), perfkit(*features))
    assert (response.status, response.body) == (403, b"not you")
    assert response.header("Content-Length") == "7"
    assert "view" not in trace.names
    assert trace.facts("inner.on_response") == {"status": 403, "body": "not you"}
    assert trace.facts("outer.on_response") == {"status": 403, "body": "not you"}
    assert [name for name in trace.names if name.endswith("on_end")] == [
        *("inner.on_end", "maker.on_end", "outer.on_end")
    ]


@BOTH
def test_hook_that_waits_may_let_the_view_run(protocol: Protocol) -> None:
    response, trace = ask(protocol, view_for(protocol), perfkit(Views("only", waits=True)))
    assert response.body == b"hello"
    assert trace.names.count("view") == 1


@BOTH
def test_route_is_not_known_where_no_view_was_found(protocol: Protocol) -> None:
    class Route(Recorder):
        def on_response(self, exchange: Exchange) -> None:
            note_of(exchange, "route", route=exchange.route)

    def lost(get_response: Any) -> Any:
        def middleware(request: HttpRequest) -> HttpResponse:
            raise Http404

        return middleware

    response, trace = ask(protocol, view_for(protocol), perfkit(Route("only")), lost)
    assert response.status == 404
    assert trace.facts("route") == {"route": None}


# Responses


@BOTH
def test_reply_is_no_error_of_django(protocol: Protocol, caplog: pytest.LogCaptureFixture) -> None:
    response, _ = ask(protocol, view_for(protocol), perfkit(Answer("early", Reply(503, {CONTENT_TYPE: "text/plain"}))))
    assert response.status == 503
    assert not [record for record in caplog.records if record.name == "django.request"]


@BOTH
def test_reply_has_only_the_headers_it_brings(protocol: Protocol) -> None:
    response, _ = ask("asgi", async_hello, perfkit(Answer("maker", Reply(400, {HeaderName("X-Why"): "no"}))))
    assert sorted(response.headers) == [("Content-Length", "0"), ("X-Why", "no")]


@BOTH
def test_template_is_rendered_before_the_features_see_it(protocol: Protocol) -> None:
    def page(request: HttpRequest, rest: str = "") -> SimpleTemplateResponse:
        return SimpleTemplateResponse(engines["django"].from_string("hello {{ name }}"), {"name": "you"})

    response, trace = ask(protocol, page, perfkit(Recorder("only")), perfkit(Recorder("inner")))
    assert response.body == b"hello you"
    assert trace.facts("only.on_response")["body"] == "hello you"


@BOTH
def test_content_changed_outside_is_sent_and_the_exchange_still_ends(protocol: Protocol) -> None:
    class Outside:
        sync_capable = True
        async_capable = False

        def __init__(self, get_response: Any) -> None:
            self.get_response = get_response

        def __call__(self, request: HttpRequest) -> Any:
            response = self.get_response(request)
            response.content = b"from outside"
            return response

    response, trace = ask(protocol, hello, Outside, perfkit(Recorder("only")))
    assert response.body == b"from outside"
    assert trace.facts("only.on_end") == {"error": None}


def pieces() -> Iterator[bytes]:
    yield from (b"a", b"b")


async def async_pieces() -> AsyncIterator[bytes]:
    for piece in pieces():
        yield piece


# Django says that it has to collect such a stream before it can send it.
@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
@pytest.mark.parametrize(("protocol", "stream"), [("wsgi", async_pieces), ("asgi", pieces)])
def test_stream_of_the_other_kind(protocol: Protocol, stream: Any) -> None:
    def view(request: HttpRequest, rest: str = "") -> StreamingHttpResponse:
        return StreamingHttpResponse(stream(), headers={"Content-Type": "text/plain"})

    response, trace = ask(protocol, view, perfkit(Recorder("only"), Encode(Framed)))
    assert response.body == b"<a><b>."
    assert trace.facts("only.on_end") == {"error": None}


@BOTH
def test_text_in_a_stream_reaches_the_encoder_as_bytes(protocol: Protocol) -> None:
    async def async_text() -> AsyncIterator[str]:
        yield "caf\xe9"

    def view(request: HttpRequest, rest: str = "") -> StreamingHttpResponse:
        content: Any = iter(["caf\xe9"]) if protocol == "wsgi" else async_text()
        return StreamingHttpResponse(content, headers={"Content-Type": "text/plain"})

    response, _ = ask(protocol, view, perfkit(Encode(Upper)))
    assert response.body == "CAF\xe9".encode()


def test_hooks_of_a_blocking_chain_wait_on_the_spot() -> None:
    _, trace = ask("wsgi", hello, perfkit(Wait("only")))
    assert trace.names.count("only.blocked") == 3
