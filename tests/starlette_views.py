"""Views for `test_starlette.py` whose annotations are strings, some of names that are not there yet, or never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi.responses import HTMLResponse
from starlette.requests import HTTPConnection, Request  # noqa: TC002 - FastAPI reads annotations
from starlette.requests import HTTPConnection as Connection  # noqa: TC002 - likewise

from perfkit.starlette import csp

if TYPE_CHECKING:
    from starlette.responses import Response

extended = csp.extend({"img-src": ["https://a.example"]})


@extended
async def by_nothing(book: Number) -> HTMLResponse:
    return HTMLResponse(f"{book} /books/{book}")


@extended
async def by_request(book: int, request: Request) -> HTMLResponse:
    return HTMLResponse(f"{book} {request.url.path}")


@extended
async def by_connection(book: int, connection: Annotated[Connection, "of the client"]) -> HTMLResponse:
    return HTMLResponse(f"{book} {connection.url.path}")


@extended
@extended
async def defined_below(book: Number, request: Request) -> HTMLResponse:
    return HTMLResponse(f"{book} {request.url.path}")


@extended
async def connection_and_more(book: Number, connection: HTTPConnection) -> HTMLResponse:
    return HTMLResponse(f"{book} {connection.url.path}")


@extended
async def for_type_checkers(request: Request) -> Response:
    return HTMLResponse("page")


Number = int
