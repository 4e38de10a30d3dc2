"""Names, values, replies and encoders: what every host builds on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfkit import HeaderName, Reply
from perfkit.exchange import (
    ChainedEncoder,
    HeaderBlock,
    check_header_value,
    has_no_content,
    is_event_stream,
    is_token,
)


def test_a_header_name_knows_every_spelling():
    name = HeaderName("Accept-Encoding")
    assert (name.title, name.lower, name.raw, name.environ) == (
        "Accept-Encoding",
        "accept-encoding",
        b"accept-encoding",
        "HTTP_ACCEPT_ENCODING",
    )


@pytest.mark.parametrize(("title", "environ"), [("Content-Type", "CONTENT_TYPE"), ("Content-Length", "CONTENT_LENGTH")])
def test_the_two_headers_cgi_knew_have_no_prefix(title, environ):
    assert HeaderName(title).environ == environ


def test_a_header_name_is_one_object():
    assert HeaderName("X-Once") is HeaderName("X-Once")


@pytest.mark.parametrize("text", ["", "X Y", "X:", "Ümlaut", "X\r\nY", "(x)"])
def test_a_header_name_is_a_token(text):
    with pytest.raises(ValueError, match="is not a header name"):
        HeaderName(text)


@given(st.text())
def test_token_characters_are_those_of_the_rfc(text):
    tchar = set("!#$%&'*+-.^_`|~") | set("0123456789") | set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert is_token(text) == (text != "" and all(char in tchar for char in text))


@given(st.text(st.characters(max_codepoint=0x17F)))
def test_a_value_passes_exactly_if_it_can_be_sent(value):
    sendable = all(char == "\t" or (" " <= char <= "\xff" and char != "\x7f") for char in value)
    if sendable:
        assert check_header_value(value) == value
    else:
        with pytest.raises(ValueError, match="cannot stand in a header value"):
            check_header_value(value)


def test_a_block_spells_its_fields_for_every_host():
    block = HeaderBlock({"X-One": "1", "X-Zwei": "zw\xf6"})
    assert block.raw == ((b"x-one", b"1"), (b"x-zwei", b"zw\xf6"))
    assert block.fields == (("X-One", "1"), ("X-Zwei", "zw\xf6"))
    assert block.lower == {"x-one", "x-zwei"}
    assert block.raw_names == {b"x-one", b"x-zwei"}


@pytest.mark.parametrize("field", [{"X Y": "1"}, {"X": "a\r\nSet-Cookie: b"}, {"X": "\u2603"}])
def test_a_block_refuses_what_cannot_be_sent(field):
    with pytest.raises(ValueError, match="header"):
        HeaderBlock(field)


def test_a_reply_announces_its_length():
    retry_after = HeaderName("Retry-After")
    assert Reply(429, {retry_after: "3"}, b"slow").fields() == [
        (retry_after, "3"),
        (HeaderName("Content-Length"), "4"),
    ]


@pytest.mark.parametrize("status", [101, 204, 304])
def test_a_reply_without_content_announces_none(status):
    assert Reply(status).fields() == []
    assert has_no_content(status)


def test_a_reply_refuses_a_value_that_would_end_the_header():
    with pytest.raises(ValueError, match="cannot stand"):
        Reply(200, {HeaderName("X"): "a\nb"}).fields()


class Held:
    """Holds everything back until the end, and marks how often it is asked."""

    def __init__(self, mark: bytes) -> None:
        self.mark = mark
        self.data = b""

    def feed(self, chunk: bytes) -> bytes:
        self.data += chunk
        return b""

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return self.mark + self.data


class Doubled(Held):
    def feed(self, chunk: bytes) -> bytes:
        return chunk * 2

    def finish(self) -> bytes:
        return b"."


def test_chained_encoders_pass_everything_on_in_order():
    chain = ChainedEncoder(Doubled(b""), Held(b">"))
    assert chain.feed(b"ab") + chain.flush() == b""
    assert chain.finish() == b">abab."


def test_the_second_encoder_is_not_fed_nothing():
    second = Held(b">")
    chain = ChainedEncoder(Held(b"<"), second)
    chain.feed(b"x")
    assert second.data == b""
    assert chain.finish() == b"><x"


@pytest.mark.parametrize(
    ("content_type", "streams"),
    [
        ("text/event-stream", True),
        ("Text/Event-Stream; charset=utf-8", True),
        ("application/x-ndjson", True),
        ("multipart/x-mixed-replace;boundary=x", True),
        ("application/json", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_event_streams_are_known_by_their_type(content_type, streams):
    assert is_event_stream(content_type) is streams
