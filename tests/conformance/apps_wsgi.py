"""A behaviour as a WSGI application, written the way frameworks write theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any
from wsgiref.util import FileWrapper
from wsgiref.validate import validator

from perfkit.wsgi import PerfkitMiddleware
from tests.conformance.behaviours import BLOCK_SIZE, AnswersError, Behaviour, File, Head, NotedFile, Stream, Whole
from tests.conformance.case import Case
from tests.conformance.inprocess_wsgi import App
from tests.conformance.trace import REQUEST_ID, SEEN, note


def middleware(case: Case, validated: bool) -> App:
    check: Callable[[Any], Any] = validator if validated else lambda app: app
    return check(PerfkitMiddleware(check(application(case.behaviour)), case.settings, features=case.features))


def application(behaviour: Behaviour) -> App:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        request_id = environ[REQUEST_ID.environ]
        note(request_id, "app.called", seen=environ.get(SEEN.environ))
        if isinstance(behaviour, Whole):
            if behaviour.reads:
                environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0))
            _start(behaviour, len(behaviour.body), start_response)
            body = behaviour.body_for(environ["REQUEST_METHOD"])
            return _in_two(body) if behaviour.closes_empty else [body]
        elif isinstance(behaviour, Stream):
            _start(behaviour, behaviour.length(), start_response)
            return behaviour.produce(request_id)
        elif isinstance(behaviour, File):
            _start(behaviour, behaviour.length(), start_response)
            return environ.get("wsgi.file_wrapper", FileWrapper)(NotedFile(behaviour, request_id), BLOCK_SIZE)
        elif isinstance(behaviour, AnswersError):
            # As Flask does it: the server learns nothing of the error.
            _start(Whole(status=500), 5, start_response)
            return [b"sorry"]
        else:
            raise behaviour.error

    return app


def _start(head: Head, length: int, start_response: Any) -> None:
    headers = head.fields(length)
    sent = list(headers)
    start_response(status_line(head), headers)
    assert headers == sent, "the application's own header list was changed"


def status_line(head: Head) -> str:
    return f"{head.status} {head.reason or HTTPStatus(head.status).phrase}"


def _in_two(body: bytes) -> Iterator[bytes]:
    yield body
    yield b""
