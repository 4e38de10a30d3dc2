"""Rows C12 to C24 of the table: which responses are compressed."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.client import Pairs, Response
from tests.doors import Door, Page, Seen
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    EVENTS,
    JSON,
    ask,
    coding,
    decoded,
    page,
    streamed,
    varies,
)

LENGTH = ("Content-Length", str(len(BODY)))
SHAPES: list[Callable[..., Page]] = [page, streamed]


def left_alone(response: Response, body: bytes = BODY) -> bool:
    return coding(response) is None and response.body == body


# C12, C13: by content type


@pytest.mark.parametrize(
    ("content_type", "compressed"),
    [
        ("TEXT/HTML;charset=utf-8", True),
        ("application/problem+json ; charset=utf-8", True),
        ("image/svg+xml", True),
        ("application/wasm", True),
        ("image/png", False),
        ("video/mp4", False),
        ("application/zip", False),
        ("application/octet-stream", False),
        ("application/grpc+json", False),
        ("multipart/byteranges; boundary=text/html", False),
        ("x; text/html", False),
        ("text", False),
        ("", False),
    ],
)
def test_c12_what_shrinks_is_compressed_and_nothing_else(door: Door, content_type: str, compressed: bool) -> None:
    for answer in (Page(body=BODY), Page(stream=lambda: iter(CHUNKS))):
        response = ask(door, Page(body=answer.body, stream=answer.stream, headers=[("Content-Type", content_type)]))
        assert (coding(response) is not None) is compressed
        assert varies(response) is compressed
        assert decoded(response) == BODY


def test_c13_what_has_no_type_is_left_alone(door: Door) -> None:
    if door.protocol == "wsgi":
        pytest.skip("the validator of WSGI demands one")
    for answer in (Page(body=BODY), Page(stream=lambda: iter(CHUNKS))):
        assert left_alone(ask(door, answer))


# C14 to C16: small ones


@pytest.mark.parametrize(("size", "compressed"), [(0, False), (1, False), (499, False), (500, True)])
def test_c14_small_bodies_are_left_alone(door: Door, size: int, compressed: bool) -> None:
    response = ask(door, page(b"a" * size))
    assert (coding(response) is not None) is compressed
    assert decoded(response) == b"a" * size
    assert varies(response) is compressed


SMALL_STREAMS: dict[str, list[bytes]] = {
    "nothing": [],
    "empty pieces": [b"", b"", b""],
    "tiny": [b"tiny"],
    "tiny and an empty end": [b"tiny", b""],
    "tiny between empty ones": [b"", b"tiny", b""],
}


@pytest.mark.parametrize("chunks", SMALL_STREAMS.values(), ids=SMALL_STREAMS)
def test_c15_c16_what_a_stream_says_arrives_however_little(door: Door, chunks: list[bytes]) -> None:
    response = ask(door, streamed(chunks))
    assert decoded(response) == b"".join(chunks)


def test_c16_an_empty_stream_stays_empty(door: Door) -> None:
    if door.name == "django-asgi":
        pytest.skip("its first chunk may be a long time coming, and is not waited for")
    response = ask(door, streamed([]))
    assert left_alone(response, b"")


def test_c15_a_tiny_stream_on_asgi_stays_plain(door: Door) -> None:
    if door.name not in ("asgi", "starlette"):
        pytest.skip("elsewhere only the next chunk tells that there is none")
    assert left_alone(ask(door, streamed([b"tiny", b" ", b"stream"])), b"tiny stream")


def test_c15_a_stream_that_announces_few_bytes_stays_plain(door: Door) -> None:
    assert left_alone(ask(door, streamed([b"tiny", b" stream"], ("Content-Length", "11"))), b"tiny stream")


def test_c15_pieces_that_end_in_an_empty_one_arrive_whole(door: Door) -> None:
    response = ask(door, streamed([*CHUNKS, b"", b""]))
    assert coding(response) == "zstd"
    assert decoded(response) == BODY


# C17: only if smaller


def test_c17_what_does_not_shrink_is_sent_as_it_is_and_varies(door: Door) -> None:
    for size in (600, 5000, 200_000):
        noise = os.urandom(size)
        response = ask(door, page(noise))
        assert left_alone(response, noise)
        assert varies(response)
        assert response.header("Content-Length") in (str(size), None)


# C18, C19: encoded already


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["Content-Encoding", "content-encoding", "CONTENT-ENCODING"])
@pytest.mark.parametrize("value", ["gzip", "GZIP", "br, gzip", "x-unknown", "identity, gzip"])
def test_c18_what_is_encoded_is_never_encoded_twice(
    door: Door, shape: Callable[..., Page], name: str, value: str
) -> None:
    response = ask(door, shape(BODY if shape is page else CHUNKS, (name, value)), checked=False)
    assert response.lines("Content-Encoding") == [value]
    assert response.body == BODY


def test_c18_two_lines_of_codings_are_codings_too(door: Door) -> None:
    response = ask(door, page(BODY, ("Content-Encoding", "identity"), ("Content-Encoding", "gzip")), checked=False)
    assert response.body == BODY
    assert "gzip" in response.members("Content-Encoding")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", ["identity", "IDENTITY", " identity "])
def test_c19_identity_opts_out_and_is_not_sent(door: Door, shape: Callable[..., Page], value: str) -> None:
    response = ask(door, shape(BODY if shape is page else CHUNKS, ("Content-Encoding", value.strip())))
    assert left_alone(response)
    assert not varies(response)


# C20: parts


def test_c20_a_part_is_never_compressed(door: Door) -> None:
    for headers in ([("Content-Range", "bytes 0-5999/9000")], [("content-range", "bytes 0-5999/*")], []):
        response = ask(door, page(BODY, ("ETag", '"v1"'), *headers, status=206), ("Range", "bytes=0-5999"))
        assert (response.status, response.header("ETag")) == (206, '"v1"')  # that of the plain bytes
        assert left_alone(response)
        assert varies(response)  # as the whole does


def test_c20_neither_is_what_has_a_content_range_in_spite_of_its_status(door: Door) -> None:
    assert left_alone(ask(door, page(BODY, ("Content-Range", "bytes 0-5999/9000"))))


def test_c20_the_416_of_an_application_tells_the_length_and_is_left_alone(door: Door) -> None:
    response = ask(door, page(BODY, ("Content-Range", "bytes */9000"), status=416), ("Range", "bytes=99999-"))
    assert (response.status, response.header("Content-Range")) == (416, "bytes */9000")
    assert left_alone(response)


# C21: no-transform

NO_TRANSFORM = [
    [("Cache-Control", "no-transform")],
    [("cache-control", "NO-TRANSFORM")],
    [("Cache-Control", "public,no-transform,max-age=5")],
    [("Cache-Control", "max-age=5 ,  No-Transform ")],
    [("Cache-Control", 'private="x,y", no-transform')],
    [("Cache-Control", "public"), ("Cache-Control", "no-transform")],
]


@pytest.mark.parametrize("headers", NO_TRANSFORM, ids=str)
def test_c21_no_transform_leaves_bytes_and_head_alone(door: Door, headers: Pairs) -> None:
    own = (("ETag", '"v1"'), ("Accept-Ranges", "bytes"), *headers)
    for answer in (page(BODY, *own), streamed(CHUNKS, *own)):
        response = ask(door, answer)
        assert left_alone(response)
        assert (response.header("ETag"), response.header("Accept-Ranges")) == ('"v1"', "bytes")


@pytest.mark.parametrize("value", ['x="no-transform"', "no-transforms", "x-no-transform", 'ext="a, no-transform, b"'])
def test_c21_what_only_looks_like_it_is_compressed(door: Door, value: str) -> None:
    assert coding(ask(door, page(BODY, ("Cache-Control", value)))) == "zstd"


def test_c21_can_be_switched_off(door: Door) -> None:
    answer = page(BODY, ("Cache-Control", "no-transform"))
    assert coding(ask(door, answer, compression={"honor_no_transform": False})) == "zstd"


def test_c21_a_client_cannot_forbid_it(door: Door) -> None:
    assert coding(ask(door, page(), ("Cache-Control", "no-transform"))) == "zstd"


# C22: no content


@pytest.mark.parametrize("status", [204, 205, 304])
@pytest.mark.parametrize("chunks", [[], [b""], [b"", b""]], ids=["none", "one", "two"])
def test_c22_no_content_stays_none_as_a_stream_too(door: Door, status: int, chunks: list[bytes]) -> None:
    pieces = tuple(chunks)
    head: Pairs = [JSON] if status == 205 else []
    for answer in (Page(status=status, headers=head), Page(status=status, headers=head, stream=lambda: iter(pieces))):
        response = ask(door, answer)
        assert response.status == status
        assert response.body == b""
        assert coding(response) is None


# C23: errors


@pytest.mark.parametrize("status", [201, 400, 404, 412, 429, 500, 503])
def test_c23_bodies_of_errors_are_compressed(door: Door, status: int) -> None:
    response = ask(door, page(status=status))
    assert (response.status, coding(response)) == (status, "zstd")
    assert decoded(response) == BODY
    assert response.header("ETag") is None


# C24: HEAD


def heads(door: Door, answer: Any, *headers: tuple[str, str]) -> tuple[Response, dict[str, str], dict[str, str]]:
    head = ask(door, answer, *headers, method="HEAD")
    get = ask(door, answer, *headers)
    return head, told(head), told(get)


def told(response: Response) -> dict[str, str]:
    left_out = ("server-timing", "content-length")
    return {name.lower(): value for name, value in response.headers if name.lower() not in left_out}


def test_c24_head_says_what_get_would_where_the_application_sends_the_body(door: Door) -> None:
    if door.name == "flask":
        pytest.skip("Flask leaves it out")
    head, of_head, of_get = heads(door, page(BODY, ("ETag", '"v1"')))
    assert of_head == of_get
    assert of_head["content-encoding"] == "zstd"
    assert head.header("Content-Length") == ask(door, page(BODY, ("ETag", '"v1"'))).header("Content-Length")


def test_c24_head_says_what_get_would_where_the_application_leaves_the_body_out(door: Door) -> None:
    def view(seen: Seen) -> Page:
        return page(b"" if seen.method == "HEAD" else BODY, ("ETag", '"v1"'), LENGTH)

    head, of_head, of_get = heads(door, view)
    assert of_head == of_get
    assert of_head["content-encoding"] == "zstd"
    assert head.lines("Content-Length") == []  # only the body would tell; not 0, and not that of the plain body
    assert head.body == b""


def test_c24_head_of_what_is_not_compressed_keeps_its_length(door: Door) -> None:
    def view(seen: Seen) -> Page:
        body = b"" if seen.method == "HEAD" else BODY
        return Page(body=body, headers=[("Content-Type", "image/png"), LENGTH])

    for accept in ("gzip", None):
        head = ask(door, view, accept=accept, method="HEAD")
        assert head.header("Content-Length") == str(len(BODY))
        assert coding(head) is None


def test_c24_head_of_a_stream_and_an_event_stream(door: Door) -> None:
    for kind in (JSON, EVENTS):
        head, of_head, of_get = heads(door, streamed(kind=kind))
        assert of_head == of_get
        assert head.header("Content-Length") is None


def test_c24_head_for_who_takes_no_coding_keeps_all(door: Door) -> None:
    def view(seen: Seen) -> Page:
        return page(b"" if seen.method == "HEAD" else BODY, ("Accept-Ranges", "bytes"), LENGTH)

    head = ask(door, view, accept="identity", method="HEAD")
    assert head.header("Content-Length") == str(len(BODY))
    assert head.header("Accept-Ranges") == "bytes"
    assert varies(head)


def test_c24_the_tag_of_head_is_that_of_get_or_none(door: Door) -> None:
    tag = ask(door).header("ETag")
    assert tag is not None
    assert ask(door, method="HEAD").header("ETag") == (None if door.name == "flask" else tag)
