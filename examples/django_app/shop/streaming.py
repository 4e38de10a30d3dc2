"""Responses that stream under ASGI and under WSGI alike.

Django wants an async iterator under ASGI and a plain one under WSGI; given the other kind it first reads the whole
response into memory, with a warning. A view cannot know which server runs it, but its request can.
"""

from collections.abc import AsyncIterator, Callable, Generator
from functools import wraps
from typing import BinaryIO, Concatenate, ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase

FILE_CHUNK = 64 * 1024  # bytes

Chunk = TypeVar("Chunk", str, bytes)
Parameters = ParamSpec("Parameters")
View = Callable[Concatenate[HttpRequest, Parameters], HttpResponseBase]


def is_async(request: HttpRequest) -> bool:
    """Whether the response to this request will be awaited."""
    return isinstance(request, ASGIRequest)


def streamed(
    request: HttpRequest, chunks: Generator[Chunk, None, None]
) -> Generator[Chunk, None, None] | AsyncIterator[Chunk]:
    """What to stream `chunks` with; each of them may block while it is made."""
    return _in_thread(chunks) if is_async(request) else chunks


def stream_file(view: View[Parameters]) -> View[Parameters]:
    """Let the `FileResponse` of a view stream under ASGI too."""

    @wraps(view)
    def wrapper(request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        # Under WSGI the response is left alone, so that the server's own file wrapper can have it.
        if is_async(request) and isinstance(response, FileResponse) and response.file_to_stream:
            response.streaming_content = _in_thread(_chunks(response.file_to_stream))
        return response

    return wrapper


async def _in_thread(chunks: Generator[Chunk, None, None]) -> AsyncIterator[Chunk]:
    pull = sync_to_async(lambda: next(chunks, None))
    try:
        while (chunk := await pull()) is not None:
            yield chunk
    finally:
        await sync_to_async(chunks.close)()


def _chunks(file: BinaryIO) -> Generator[bytes, None, None]:
    while chunk := file.read(FILE_CHUNK):
        yield chunk
