"""Rows C25 to C36 of the table: the head of a response says what is true of the bytes that are sent."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from perfkit.asgi import PerfkitMiddleware as Asgi
from tests.conformance import direct_asgi
from tests.conformance.client import Pairs
from tests.doors import Door, Page, Seen
from tests.features.compression.table.asking import (
    BODY,
    CHUNKS,
    CODINGS,
    ask,
    coding,
    decoded,
    page,
    streamed,
    varies,
)

# C25 to C29: Vary


@pytest.mark.parametrize("accept", [*CODINGS, "identity", None])
def test_c25_c26_every_variant_says_that_it_is_one(door: Door, accept: str | None) -> None:
    for answer in (page(), streamed()):
        assert ask(door, answer, accept=accept).members("Vary") == ["Accept-Encoding"]


def test_c27_what_is_never_negotiated_does_not(door: Door) -> None:
    image = Page(body=BODY, headers=[("Content-Type", "image/png")])
    for answer in (image, page(b"{}"), page(BODY, ("Content-Encoding", "gzip"))):
        assert ask(door, answer).lines("Vary") == []


@pytest.mark.parametrize("status", [200, 304])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Cookie"], ["Cookie", "Accept-Encoding"]),
        (["Cookie", "Origin"], ["Cookie", "Origin", "Accept-Encoding"]),
        (["Cookie, Origin", "cookie"], ["Cookie", "Origin", "Accept-Encoding"]),
        (["accept-encoding"], ["accept-encoding"]),
        (["ACCEPT-ENCODING, Cookie"], ["ACCEPT-ENCODING", "Cookie"]),
        (["Accept-Encoding", "Accept-Encoding"], ["Accept-Encoding"]),
        (["X-Accept-Encoding"], ["X-Accept-Encoding", "Accept-Encoding"]),
        ([",Cookie,,", ""], ["Cookie", "Accept-Encoding"]),
    ],
    ids=str,
)
def test_c28_c29_vary_keeps_what_the_application_says(
    door: Door, lines: list[str], expected: list[str], status: int
) -> None:
    headers: Pairs = [("Vary", line) for line in lines]
    answer = page(BODY, *headers) if status == 200 else Page(status=304, headers=headers)
    assert ask(door, answer).members("Vary") == expected


@pytest.mark.parametrize("lines", [["*"], ["Cookie", "*"], [" * , Cookie"]], ids=str)
def test_c29_a_star_says_it_all(door: Door, lines: list[str]) -> None:
    headers: Pairs = [("vary", line.strip()) for line in lines]
    response = ask(door, page(BODY, *headers), checked=False)
    assert coding(response) == "zstd"
    assert "*" in response.members("Vary")
    assert not varies(response)


@pytest.mark.parametrize("made_by", ["the application", "perfkit", "precondition of perfkit"])
def test_c28_each_304_varies_as_its_200(door: Door, made_by: str) -> None:
    tag = '"v1"' if made_by != "perfkit" else ask(door).header("ETag") or ""

    def view(seen: Seen) -> Page:
        if made_by == "the application" and seen.headers.get("if-none-match") == tag:
            return Page(status=304, headers=[("ETag", tag)])
        return page(BODY, *([] if made_by == "perfkit" else [("ETag", tag)]))

    for accept in (*CODINGS, None):
        response = ask(door, view, ("If-None-Match", tag), accept=accept)
        assert response.status == 304
        assert response.members("Vary") == ["Accept-Encoding"]


def test_c28_the_304_of_an_image_does_not_vary(door: Door) -> None:
    image = Page(body=BODY, headers=[("Content-Type", "image/png"), ("ETag", '"v1"')])
    response = ask(door, image, ("If-None-Match", '"v1"'))
    assert (response.status, response.lines("Vary")) == (304, [])


# C30, C31: strong tags


@pytest.mark.parametrize("name", CODINGS)
def test_c30_no_two_variants_have_one_strong_tag(door: Door, name: str) -> None:
    for answer in (page(BODY, ("ETag", '"v1"')), streamed(CHUNKS, ("etag", '"v1"'))):
        assert ask(door, answer, accept=name).header("ETag") == f'"v1-{name}"'
        assert ask(door, answer, accept=None).header("ETag") == '"v1"'


@pytest.mark.parametrize("tag", ['W/"v1"', "v1", '"', '""x', "'v1'", 'w/"v1"', '"v1', ""])
def test_c30_weak_tags_and_what_is_none_stay_as_they_are(door: Door, tag: str) -> None:
    response = ask(door, page(BODY, ("ETag", tag)))
    assert response.header("ETag") == tag
    assert coding(response) == "zstd"


@pytest.mark.parametrize(("mode", "tag"), [("weak", 'W/"v1"'), ("keep", '"v1"'), ("drop", None)])
def test_c30_other_ways_of_the_settings(door: Door, mode: str, tag: str | None) -> None:
    response = ask(door, page(BODY, ("ETag", '"v1"')), compression={"etag": mode})
    assert response.header("ETag") == tag
    assert ask(door, page(BODY, ("ETag", '"v1"')), accept=None, compression={"etag": mode}).header("ETag") == '"v1"'


@pytest.mark.parametrize("name", CODINGS)
def test_c31_the_tag_that_was_sent_comes_back_as_the_application_made_it(door: Door, name: str) -> None:
    seen: list[Seen] = []

    def view(request: Seen) -> Page:
        seen.append(request)
        return page(BODY, ("ETag", '"v1"'))

    sent = ask(door, view, accept=name).header("ETag") or ""
    again = ask(door, view, ("If-None-Match", sent), accept=name)
    assert seen[-1].headers["if-none-match"] == '"v1"'
    assert (again.status, again.header("ETag")) == (304, sent)
    read = ask(door, view, ("If-Match", sent), accept=name)
    assert seen[-1].headers["if-match"] == '"v1"'
    assert (read.status, coding(read)) == (200, name)
    written = ask(door, view, ("If-Match", sent), accept=name, method="PUT")
    assert seen[-1].headers["if-match"] == '"v1"'
    assert written.status == 200
    ask(door, view, ("If-Range", sent), ("Range", "bytes=0-9"), accept=name)
    assert seen[-1].headers["if-range"] == sent  # must fail: what the client holds is compressed


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ('"a", "v1-zstd", W/"b-gzip"', '"a", "v1", W/"b-gzip"'),
        ('"v1-gzip","v1-zstd","v1"', '"v1","v1","v1"'),
        ('"v,1-zstd", "x"', '"v,1", "x"'),
        ('"v1-zstd-gzip"', '"v1-zstd"'),
        ('"-zstd"', '""'),
        ('"zstd"', '"zstd"'),
        ("*", "*"),
        ('"v1-zstd', '"v1-zstd'),
        ("v1-zstd", "v1-zstd"),
        ('"v1-ZSTD"', '"v1-ZSTD"'),
    ],
)
def test_c31_each_member_of_a_list_and_nothing_else(door: Door, sent: str, known: str) -> None:
    seen: list[Seen] = []

    def view(request: Seen) -> Page:
        seen.append(request)
        return page()

    for name in ("If-None-Match", "If-Match"):
        ask(door, view, (name, sent), method="PUT")
        assert seen[-1].headers[name.lower()] == known


def test_c31_in_several_lines(door: Door) -> None:
    response = ask(
        door, page(BODY, ("ETag", '"v1"')), ("If-None-Match", '"a"'), ("If-None-Match", '"v1-br"'), accept="br"
    )
    assert (response.status, response.header("ETag")) == (304, '"v1-br"')


def test_c31_a_tag_of_a_coding_the_client_takes_no_longer_gives_no_304(door: Door) -> None:
    answer = page(BODY, ("ETag", '"v1"'))
    for accept in ("gzip", "identity", "*, zstd;q=0"):
        response = ask(door, answer, ("If-None-Match", '"v1-zstd"'), accept=accept)
        assert response.status == 200  # a cache would serve zstd to who cannot read it
    # Who names no coding takes any (RFC 9110 section 12.5.3).
    assert ask(door, answer, ("If-None-Match", '"v1-zstd"'), accept=None).status == 304


def test_c31_the_304_has_a_tag_the_client_sent(door: Door) -> None:
    answer = page(BODY, ("ETag", '"v1"'))
    assert ask(door, answer, ("If-None-Match", '"v1-gzip"')).header("ETag") == '"v1-gzip"'
    assert ask(door, answer, ("If-None-Match", '"v1"')).header("ETag") == '"v1"'
    assert ask(door, answer, ("If-None-Match", '"v1", "v1-zstd"')).header("ETag") == '"v1-zstd"'


# C32, C33: what is true of the plain bytes only

OF_THE_PLAIN: Pairs = (
    ("Accept-Ranges", "bytes"),
    ("content-digest", "sha-256=:AAAA:"),
    ("Repr-Digest", "sha-256=:AAAA:"),
    ("DIGEST", "sha-256=AAAA"),
    ("Content-MD5", "AAAA"),
)


def test_c32_c33_ranges_and_digests_of_the_plain_bytes_go_with_them_only(door: Door) -> None:
    for answer in (page(BODY, *OF_THE_PLAIN), streamed(CHUNKS, *OF_THE_PLAIN)):
        compressed, plain = ask(door, answer), ask(door, answer, accept=None)
        for name, value in OF_THE_PLAIN:
            assert compressed.lines(name) == []
            assert plain.lines(name) == [value]


# C34, C35: Content-Length


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "CONTENT-LENGTH", "cOnTeNt-LeNgTh"])
def test_c34_c35_the_length_is_that_of_what_is_sent_and_stands_there_once(door: Door, name: str) -> None:
    length = (name, str(len(BODY)))
    for answer in (page(BODY, length), streamed([BODY], length)):
        response = ask(door, answer)
        assert coding(response) == "zstd"
        assert response.lines("Content-Length") in ([str(len(response.body))], [])
    whole = ask(door, page(BODY, length))
    assert whole.header("Content-Length") == str(len(whole.body))


def test_c34_a_compressed_stream_has_none(door: Door) -> None:
    response = ask(door, streamed(CHUNKS, ("content-LENGTH", str(len(BODY)))))
    assert coding(response) == "zstd"
    assert response.lines("Content-Length") == []
    assert decoded(response) == BODY


LIES = ["0", "10", "999999", "-1", "abc", "", "6e3", "\xb2"]


@pytest.mark.parametrize("lie", LIES)
def test_c34_a_whole_body_is_measured_and_not_believed(door: Door, lie: str) -> None:
    if door.name == "flask":
        pytest.skip("its bodies are iterators, whose length is known to nobody if Flask lies")
    response = ask(door, page(BODY, ("Content-Length", lie)))
    assert (coding(response), decoded(response)) == ("zstd", BODY)
    assert response.header("Content-Length") == str(len(response.body))


@pytest.mark.parametrize("lie", LIES[2:])
def test_c34_a_stream_that_lies_about_its_length_gets_none(door: Door, lie: str) -> None:
    response = ask(door, streamed(CHUNKS, ("Content-Length", lie)))
    assert (coding(response), decoded(response)) == ("zstd", BODY)
    assert response.lines("Content-Length") == []


def test_c34_a_lie_about_what_is_not_compressed_stays_the_application_s_own(door: Door) -> None:
    for answer in (page(b"tiny", ("Content-Length", "99")), streamed([b"tiny"], ("Content-Length", "99"))):
        response = ask(door, answer, checked=False)
        assert (response.body, response.lines("Content-Length")) == (b"tiny", ["99"])


def test_c34_a_stream_of_more_than_it_said_is_what_it_said(door: Door) -> None:
    response = ask(door, streamed(CHUNKS, ("Content-Length", "1000")), accept="gzip", checked=False)
    length = response.header("Content-Length")
    if length is None:
        assert decoded(response) == BODY
    else:  # servers cut off what follows, and so do clients
        assert gzip.decompress(response.body[: int(length)]) == CHUNKS[0]


# C36: optional keys of ASGI


@pytest.mark.parametrize("start", [{"type": "http.response.start", "status": 200}, direct_asgi.start(headers=None)])
def test_c36_a_start_without_headers_is_legal(start: direct_asgi.Message) -> None:
    host = Asgi(direct_asgi.says(start, {"type": "http.response.body", "body": BODY}), {})
    talk = direct_asgi.talk_to(host)
    assert (talk.error, talk.body) == (None, BODY)
    assert b"content-encoding" not in talk.headers


@pytest.mark.parametrize("names", [(b"content-type", b"vary"), (b"Content-Type", b"Vary")])
def test_c36_bodies_without_their_keys_are_legal_and_the_header_list_is_the_application_s(
    names: tuple[bytes, bytes],
) -> None:
    own = list(zip(names, (b"application/json", b"Cookie"), strict=True))
    before = list(own)
    start = direct_asgi.start(headers=own)
    messages: list[dict[str, Any]] = [
        {"type": "http.response.body", "body": BODY, "more_body": True},
        {"type": "http.response.body"},
    ]
    scope = direct_asgi.scope()
    scope["headers"].append((b"accept-encoding", b"gzip"))
    talk = direct_asgi.talk_to(Asgi(direct_asgi.says(start, *messages), {}), scope=scope)
    assert talk.error is None
    assert talk.headers[b"content-encoding"] == b"gzip"
    assert own == before
    assert start == direct_asgi.start(headers=before)
