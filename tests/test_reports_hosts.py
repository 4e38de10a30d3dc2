"""The receiver of reports in its three hosts: the same requests, the same answers, and no byte read too many."""

import asyncio
import io
import json
from contextlib import closing
from typing import Any, NamedTuple
from wsgiref.validate import validator

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http.request import UnreadablePostError
from django.test import Client, RequestFactory, override_settings
from django.urls import path

from perfkit._asgi_reports import reports_app as asgi_reports_app
from perfkit._wsgi_reports import reports_app as wsgi_reports_app
from perfkit.reports import ReportReceiver
from tests.conformance import django_project  # noqa: F401 - configures Django

from perfkit.django.reports import reports_view  # isort: skip - needs Django configured

LEGACY = "application/csp-report"
REPORT = json.dumps({"csp-report": {"blocked-uri": "eval", "effective-directive": "script-src"}}).encode()
COUNTED = {("csp-violation", "script-src", "eval"): 1}
UNSENT = object()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    read: int  # bytes of the body taken from the server


class Body(io.BytesIO):
    """A request's body that gives no more than a piece at a time."""

    def __init__(self, content, piece=1000):
        super().__init__(content)
        self.piece = piece

    def read(self, size=-1):
        return super().read(min(size, self.piece))


def ask_asgi(receiver, method, content_type, body, length):
    headers = [(b"content-type", content_type.encode())] if content_type else []
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    source, sent = io.BytesIO(body), []

    async def receive():
        piece = source.read(1000)
        return {"type": "http.request", "body": piece, "more_body": source.tell() < len(body)}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/", "headers": headers}
    asyncio.run(asgi_reports_app(receiver)(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1].get("body", b"") == b""
    received = {name.decode().title(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], received, source.tell())


def starter(started):
    """A `start_response` that keeps what it is given."""

    def start_response(status, headers, exc_info=None):
        started.append((status, headers))
        return lambda data: None

    return start_response


def ask_wsgi(receiver, method, content_type, body, length):
    source = Body(body)
    started: list[Any] = []
    environ = RequestFactory().generic(method, "/", secure=True).environ
    environ |= {"wsgi.input": source, "CONTENT_TYPE": content_type or "", "SERVER_PORT": "443", "SCRIPT_NAME": ""}
    environ |= {"CONTENT_LENGTH": ""} if length is None else {"CONTENT_LENGTH": str(length)}
    environ |= {"wsgi.input_terminated": True, "wsgi.errors": io.StringIO(), "SERVER_PROTOCOL": "HTTP/1.1"}
    environ = {
        name: value for name, value in environ.items() if name not in ("CONTENT_TYPE", "CONTENT_LENGTH") or value
    }
    iterable = wsgi_reports_app(receiver)(environ, starter(started))
    assert b"".join(iterable) == b""
    ((status, headers),) = started
    return Answer(int(status[:3]), dict(headers), source.tell())


def ask_django(receiver, method, content_type, body, length):
    request = RequestFactory().generic(method, "/", body, content_type or "")
    request.META["CONTENT_LENGTH"] = "" if length is None else str(length)
    source = Body(body, piece=10**9)
    request._stream = source
    response = reports_view(receiver)(request)
    assert response.content == b""
    return Answer(response.status_code, dict(response.headers), source.tell())


class Ask:
    """Sends requests to one host."""

    def __init__(self, host):
        self.host = host
        self.receiver = ReportReceiver(max_body=5000)

    def __call__(self, method="POST", content_type=LEGACY, body=REPORT, length=UNSENT):
        return self.host(self.receiver, method, content_type, body, len(body) if length is UNSENT else length)


@pytest.fixture(params=[ask_asgi, ask_wsgi, ask_django])
def ask(request):
    return Ask(request.param)


def test_a_report_is_taken(ask):
    answer = ask()
    assert answer.status == 204
    assert "Content-Length" not in answer.headers
    assert "Content-Type" not in answer.headers
    assert ask.receiver.counts() == COUNTED


def test_a_report_without_a_length_is_taken_where_the_server_ends_the_body(ask):
    assert ask(length=None).status == 204
    assert ask.receiver.counts() == COUNTED


def test_a_preflight_is_answered(ask):
    answer = ask("OPTIONS", None, b"", None)
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_other_methods_are_refused(ask, method):
    answer = ask(method, None, b"", None)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST, OPTIONS")
    assert answer.headers["Content-Length"] == "0"


def test_other_content_types_are_refused_unread(ask):
    answer = ask(content_type="application/json")
    assert (answer.status, answer.read) == (415, 0)


def test_no_content_type_is_refused(ask):
    assert ask(content_type=None).status == 415


def test_a_body_announced_too_long_is_not_read(ask):
    answer = ask(body=b" " * 5001)
    assert (answer.status, answer.read) == (413, 0)


def test_a_body_that_turns_out_too_long_is_read_no_further_than_that(ask):
    answer = ask(body=b" " * 50_000, length=None)
    assert answer.status == 413
    assert answer.read <= 6000


def test_a_body_of_the_limit_is_taken(ask):
    assert ask(body=REPORT.ljust(5000)).status == 204
    assert ask.receiver.counts() == COUNTED


def test_broken_json_is_a_bad_request(ask):
    assert ask(body=b"{").status == 400


def test_a_body_that_ends_early_is_a_bad_request(ask):
    assert ask(body=REPORT[:20], length=len(REPORT)).status == 400


def test_a_length_that_is_none_is_a_bad_request(ask):
    assert ask(length="ten").status == 400


@pytest.mark.parametrize("make", [asgi_reports_app, wsgi_reports_app, reports_view])
def test_options_make_a_receiver_that_can_be_read(make):
    assert make(sample=0.5).receiver.options.sample == 0.5
    receiver = ReportReceiver()
    assert make(receiver).receiver is receiver
    with pytest.raises(TypeError, match="not both"):
        make(receiver, sample=0.5)


# ASGI


def test_asgi_a_client_that_goes_away_gets_no_answer():
    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"Content-Type", LEGACY.encode())]}
    app = asgi_reports_app()
    asyncio.run(app(scope, receive, send))
    assert app.receiver.totals().malformed == 0


def test_asgi_the_keys_of_a_message_are_optional():
    async def receive():
        return {"type": "http.request"}

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", LEGACY.encode())]}
    asyncio.run(asgi_reports_app()(scope, receive, send))
    assert sent[0]["status"] == 400


async def unused(*message):
    raise AssertionError(message)


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_asgi_other_scopes_are_refused(kind):
    with pytest.raises(RuntimeError, match=kind):
        asyncio.run(asgi_reports_app()({"type": kind}, unused, unused))


# WSGI


def test_wsgi_keeps_to_pep_3333():
    environ = RequestFactory().generic("POST", "/", REPORT, LEGACY).environ
    environ |= {"wsgi.input": io.BytesIO(REPORT), "wsgi.errors": io.StringIO()}
    environ = {name: value for name, value in environ.items() if name != "HTTP_COOKIE"}
    app = wsgi_reports_app()
    validated: Any = validator(app)(environ, starter([]))
    with closing(validated) as iterable:
        assert b"".join(iterable) == b""
    assert app.receiver.counts() == COUNTED


def test_wsgi_waits_for_no_body_whose_end_nothing_tells():
    class Endless:
        def read(self, size):
            raise AssertionError("would wait for ever")

    started: list[Any] = []
    environ = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": LEGACY, "wsgi.input": Endless()}
    list(wsgi_reports_app()(environ, starter(started)))
    assert started[0][0] == "411 Length Required"


# Django

urlpatterns = [path("reports/", reports_view())]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"])
def test_django_needs_no_token():
    response = Client(enforce_csrf_checks=True).post("/reports/", REPORT, content_type=LEGACY)
    assert response.status_code == 204


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])
def test_django_does_not_read_beyond_the_limit_of_the_receiver():
    response = Client().post("/reports/", b" " * 3_000_000, content_type=LEGACY)
    assert response.status_code == 413


def test_django_a_body_that_a_middleware_has_read_is_taken():
    request = RequestFactory().post("/", REPORT, content_type=LEGACY)
    assert request.body == REPORT
    view = reports_view()
    assert view(request).status_code == 204
    assert view.receiver.counts() == COUNTED


def test_django_works_with_a_request_of_asgi():
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b""}
    scope["headers"] = [(b"content-type", LEGACY.encode()), (b"content-length", str(len(REPORT)).encode())]
    view = reports_view()
    assert view(ASGIRequest(scope, io.BytesIO(REPORT))).status_code == 204
    assert view.receiver.counts() == COUNTED


def test_django_a_client_that_goes_away_is_a_bad_request():
    class Gone:
        def read(self, *size):
            raise UnreadablePostError("gone")

    request = RequestFactory().post("/", REPORT, content_type=LEGACY)
    request._stream = Gone()  # type: ignore[assignment]
    assert reports_view()(request).status_code == 400


def test_django_the_function_itself_in_the_urlconf_is_an_error_with_the_mend():
    with pytest.raises(TypeError, match=r"write path\(\.\.\., reports_view\(\)\)"):
        reports_view(RequestFactory().get("/"))  # type: ignore[arg-type]
