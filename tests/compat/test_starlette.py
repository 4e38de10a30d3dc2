"""`perfkit.compat.starlette`: where it does better than what it replaces; for the rest see test_upstream.py."""

from __future__ import annotations

import asyncio
import gzip
import random
import threading
from typing import Any

import pytest

from perfkit import ConfigurationError
from perfkit.compat.starlette import GZipMiddleware, GZipResponder
from perfkit.features.compression._gzip import Gzip as GzipCodec
from tests.conformance.direct_asgi import App, Message, body, says, start

TEXT = b"text " * 1000
NOISE = random.Random(1).randbytes(600)


def response(content: bytes = TEXT, *headers: tuple[bytes, bytes], status: int = 200) -> App:
    return says(start(status=status, headers=list(headers)), body(content))


def sent(app: App, accept_encoding: bytes = b"gzip", extensions: Any = None) -> list[Message]:
    messages: list[Message] = []
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "headers": [(b"accept-encoding", accept_encoding)],
        "extensions": extensions or {},
    }

    async def send(message: Message) -> None:
        messages.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(app(scope, receive, send))  # type: ignore[arg-type]
    return messages


def headers_of(messages: list[Message]) -> dict[bytes, bytes]:
    return dict(messages[0]["headers"])


def is_compressed(messages: list[Message]) -> bool:
    return headers_of(messages).get(b"content-encoding") == b"gzip"


def test_a_weight_of_0_refuses_gzip() -> None:
    assert is_compressed(sent(GZipMiddleware(response()), b"gzip;q=0.1"))
    assert not is_compressed(sent(GZipMiddleware(response()), b"gzip;q=0"))


def test_a_coding_that_has_gzip_in_its_name_is_not_gzip() -> None:
    assert not is_compressed(sent(GZipMiddleware(response()), b"supergzip"))


def test_no_transform_is_honoured() -> None:
    assert not is_compressed(sent(GZipMiddleware(response(TEXT, (b"cache-control", b"no-transform")))))


def test_the_two_representations_have_two_strong_tags() -> None:
    app = GZipMiddleware(response(TEXT, (b"etag", b'"abc"'), (b"accept-ranges", b"bytes")))
    encoded = headers_of(sent(app))
    assert encoded[b"etag"] == b'"abc-gzip"'
    assert b"accept-ranges" not in encoded
    assert headers_of(sent(app, b"identity"))[b"etag"] == b'"abc"'


def test_a_304_that_streams_stays_empty() -> None:
    app = GZipMiddleware(says(start(status=304), body(b"", more=True), body(b"")))
    messages = sent(app)
    assert b"".join(message["body"] for message in messages[1:]) == b""
    assert not is_compressed(messages)


def test_a_body_that_gzip_does_not_shrink_is_sent_as_it_is() -> None:
    messages = sent(GZipMiddleware(response(NOISE)))
    assert messages[1]["body"] == NOISE
    assert not is_compressed(messages)


def test_a_small_body_is_compressed_where_minimum_size_says_so() -> None:
    messages = sent(GZipMiddleware(response(b"a small one"), minimum_size=5))
    assert gzip.decompress(messages[1]["body"]) == b"a small one"


def test_messages_starlette_does_not_know_pass() -> None:
    debug = {"type": "http.response.debug", "info": {"template": "books.html"}}
    messages = sent(GZipMiddleware(says(debug, start(headers=[]), body(TEXT))))
    assert messages[0] == debug
    assert [message["type"] for message in messages[1:]] == ["http.response.start", "http.response.body"]


def test_no_file_is_sent_past_it() -> None:
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend(scope["extensions"])
        await response()(scope, receive, send)

    sent(GZipMiddleware(app), extensions={"http.response.zerocopysend": {}, "http.response.pathsend": {}})
    assert seen == ["http.response.pathsend"]


def test_the_settings_of_perfkit_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERFKIT_COMPRESSION__MINIMUM_SIZE", "1000000")
    assert is_compressed(sent(GZipMiddleware(response())))


@pytest.mark.parametrize(("threshold", "on_the_loop"), [(len(TEXT), False), (len(TEXT) + 1, True)])
def test_thread_minimum_size_is_the_size_from_which_a_thread_compresses(
    threshold: int, on_the_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []
    compress = GzipCodec.compress

    def noted(self: GzipCodec, content: bytes) -> bytes:
        threads.append(threading.get_ident())
        return compress(self, content)

    monkeypatch.setattr(GzipCodec, "compress", noted)
    assert is_compressed(sent(GZipMiddleware(response(), thread_minimum_size=threshold)))
    assert [thread == threading.get_ident() for thread in threads] == [on_the_loop]


def test_compresslevel_is_the_one_of_zlib() -> None:
    content = b"".join(b"%d: %d\n" % (number, number**3 % 9973) for number in range(5000))

    def size(**level: int) -> int:
        return len(sent(GZipMiddleware(response(content), **level))[1]["body"])  # type: ignore[arg-type]

    assert size() == size(compresslevel=9) < size(compresslevel=1)
    assert size(compresslevel=-1) == size(compresslevel=6)


def test_a_level_that_is_none_is_named() -> None:
    with pytest.raises(ConfigurationError, match="10 is not a level of gzip"):
        GZipMiddleware(response(), compresslevel=10)


def test_a_responder_is_made_of_the_same_arguments() -> None:
    app = GZipResponder(response(b"x" * 100, (b"content-type", b"text/a")), 10, 5, exclude_content_types=("text/b",))
    assert is_compressed(sent(app))
    app = GZipResponder(response(b"x" * 100, (b"content-type", b"text/b")), 10, 5, exclude_content_types=("text/b",))
    assert not is_compressed(sent(app))
