"""Asking for a page, and holding every answer to what all of them owe (RFC 9110): checked on each response."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from typing import Any, Final

import brotli
from backports import zstd

from tests.conformance.client import Pairs, Request, Response
from tests.doors import Door, Front, Page, View

BROWSER: Final = "gzip, deflate, br, zstd"
JSON: Final = ("Content-Type", "application/json")
TEXT: Final = ("Content-Type", "text/plain")
HTML: Final = ("Content-Type", "text/html; charset=utf-8")
EVENTS: Final = ("Content-Type", "text/event-stream")
# 6 KB that shrink.
BODY: Final = b"".join(b'{"id": %d, "title": "Emma"},' % number for number in range(220))
CHUNKS: Final = [BODY[start : start + 1000] for start in range(0, len(BODY), 1000)]
CODINGS: Final = ("zstd", "br", "gzip")

DECODERS: Final[Mapping[str | None, Any]] = {
    None: bytes,
    "gzip": gzip.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}
# Headers that a message has at most once (RFC 9110 section 5.3).
SINGLE: Final = ("Content-Length", "Content-Encoding", "ETag", "Content-Type", "Last-Modified", "Content-Range")


def page(body: bytes = BODY, *headers: tuple[str, str], status: int = 200) -> Page:
    return Page(body=body, headers=[JSON, *headers], status=status)


def streamed(chunks: Iterable[bytes] = CHUNKS, *headers: tuple[str, str], kind: tuple[str, str] = JSON) -> Page:
    pieces = tuple(chunks)
    return Page(stream=lambda: iter(pieces), headers=[kind, *headers])


def ask(
    door: Door,
    view: Page | View | None = None,
    *headers: tuple[str, str],
    accept: str | None = BROWSER,
    method: str = "GET",
    target: str = "/",
    front: Front | None = None,
    checked: bool = True,
    **settings: Any,
) -> Response:
    """The answer to a request that takes these codings; `settings` are perfkit's sections."""
    asked: Pairs = [*([] if accept is None else [("Accept-Encoding", accept)]), *headers]
    request = Request(method, target, asked)
    response = door.fetch(page() if view is None else view, request, front or Front(settings=settings))
    if checked:
        check(response, method)
    return response


def check(response: Response, method: str) -> None:
    """What no response may break."""
    assert response.error is None
    for name in SINGLE:
        assert len(response.lines(name)) <= 1, (name, response.lines(name))
    names = [name.lower() for name in response.members("Vary")]
    assert len(names) == len(set(names)), names
    assert "*" not in names or names == ["*"]
    length = response.header("Content-Length")
    if response.status in (204, 304):
        assert response.body == b""
        assert length is None
        assert response.header("Content-Encoding") is None
    elif method != "HEAD":
        assert length is None or int(length) == len(response.body)
    if response.header("Content-Encoding") is not None:
        assert "identity" not in (response.header("Content-Encoding") or "")
        assert response.header("Accept-Ranges") is None or response.status == 206


def coding(response: Response) -> str | None:
    return response.header("Content-Encoding")


def decoded(response: Response) -> bytes:
    body: bytes = DECODERS[coding(response)](response.body)
    return body


def varies(response: Response) -> bool:
    return "accept-encoding" in [name.lower() for name in response.members("Vary")]
