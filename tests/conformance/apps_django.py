"""A behaviour as Django views: one for WSGI and one for ASGI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from tests.conformance.behaviours import BLOCK_SIZE, Behaviour, File, Head, NotedFile, Stream, Whole
from tests.conformance.case import find
from tests.conformance.trace import REQUEST_ID, SEEN, note

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase


def view(request: HttpRequest, case: str, rest: str = "") -> HttpResponseBase:
    return _respond(find(case).behaviour, request, asynchronous=False)


async def async_view(request: HttpRequest, case: str, rest: str = "") -> HttpResponseBase:
    return _respond(find(case).behaviour, request, asynchronous=True)


def _respond(behaviour: Behaviour, request: HttpRequest, *, asynchronous: bool) -> HttpResponseBase:
    request_id = request.META[REQUEST_ID.environ]
    note(request_id, "app.called", seen=request.headers.get(SEEN.title))
    if isinstance(behaviour, Whole):
        assert not behaviour.reads or request.body is not None
        body = behaviour.body_for(request.method or "")
        return _with_head(HttpResponse(body), behaviour, len(behaviour.body))
    elif isinstance(behaviour, Stream):
        produce = behaviour.produce_async if asynchronous else behaviour.produce
        return _with_head(StreamingHttpResponse(produce(request_id)), behaviour, behaviour.length())
    elif isinstance(behaviour, File):
        response = FileResponse(NotedFile(behaviour, request_id))
        response.block_size = BLOCK_SIZE
        return _with_head(response, behaviour, behaviour.length())
    else:
        raise behaviour.error  # Django answers it


def _with_head(response: HttpResponseBase, head: Head, length: int) -> HttpResponseBase:
    response.status_code = head.status
    if head.reason is not None:
        response.reason_phrase = head.reason
    for name in list(response.headers):
        del response.headers[name]
    for name, value in head.fields(length):
        if name.lower() == "set-cookie":
            response.cookies.load(value)
        elif name in response.headers:
            response.headers[name] += f", {value}"  # Django has each header once
        else:
            response.headers[name] = value
    return response
