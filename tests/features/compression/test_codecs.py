"""Codecs: those of perfkit, with and without the libraries, and those of others."""

import gzip
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest
from backports import zstd

from perfkit import Compression, ConfigurationError
from perfkit.compression import Codec, register
from perfkit.exchange import Encoder
from perfkit.features.compression import _codec
from perfkit.features.compression._brotli import Brotli
from perfkit.features.compression._gzip import Gzip
from perfkit.features.compression._zstd import Zstd
from tests.features.compression.answers import BODY, DECODERS, answer, coding, decoded, stream

ALL = [(codec, level) for codec in (Gzip, Brotli, Zstd) for level in codec.levels]
HEADER = bytes.fromhex("1f8b08 00 00000000 00 ff")  # no flags, no time, no name, no system


@pytest.mark.parametrize(("codec", "level"), ALL, ids=lambda value: getattr(value, "name", value))
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("padding", [0, 1, 256])
def test_all_levels_can_be_read(codec: type[Codec], level: int, live: bool, padding: int) -> None:
    made = codec(level)
    read = DECODERS[codec.name]
    for body in (b"", b"x", BODY):
        assert read(made.compress(body)) == body
        encoder = made.encoder(live=live, padding=padding)
        assert read(encoder.feed(body) + encoder.flush() + encoder.finish()) == body


@pytest.mark.parametrize("level", Gzip.levels)
def test_gzip_has_nothing_in_its_header_that_could_differ(level: int) -> None:
    codec = Gzip(level)
    encoders = [codec.encoder(live=live) for live in (False, True)]
    outputs = [codec.compress(BODY), *(encoder.feed(BODY) + encoder.finish() for encoder in encoders)]
    assert [data[:10] for data in outputs] == [HEADER] * 3


def test_the_header_of_gzip_goes_out_whole_however_the_library_splits_its_own() -> None:
    class Slow:
        def __init__(self) -> None:
            self.data = gzip.compress(b"hello", mtime=5)

        def compress(self, _: bytes) -> bytes:
            data, self.data = self.data[:3], self.data[3:]
            return data

        def flush(self, mode: int = 4) -> bytes:
            data, self.data = self.data, b""
            return data

    encoder = Gzip(6).encoder()
    encoder._deflate = Slow()  # type: ignore[attr-defined]
    data = encoder.feed(b"a") + encoder.feed(b"b") + encoder.finish()
    assert data[:10] == HEADER
    assert gzip.decompress(data) == b"hello"


@pytest.mark.parametrize("level", [1, 3, 9, 17, 19])
def test_no_window_of_zstd_is_larger_than_browsers_take(level: int) -> None:
    codec = Zstd(level)
    body = BODY * 1600  # 9 MB
    for data in (codec.compress(body), *(_streamed(codec.encoder(live=live), body) for live in (False, True))):
        reader = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: 23})
        assert len(reader.decompress(data)) == len(body)


def _streamed(encoder: Encoder, body: bytes) -> bytes:
    return encoder.feed(body) + encoder.finish()


def test_contexts_of_zstd_are_used_again_but_for_large_bodies() -> None:
    codec = Zstd(3)
    codec.compress(BODY * 100)
    assert not codec._contexts
    codec.compress(BODY)
    [context] = codec._contexts
    codec.compress(BODY)
    assert list(codec._contexts) == [context]


def test_a_context_that_failed_is_not_used_again() -> None:
    codec = Zstd(3)
    codec.compress(BODY)
    with pytest.raises(TypeError):
        codec.compress("text")  # type: ignore[arg-type]
    assert not codec._contexts


# Libraries that are not there


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without extras."""
    for module in ("brotli", "brotlicffi", "isal", "backports", "compression"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.usefixtures("only")
def test_gzip_needs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    if sys.version_info >= (3, 14):
        pytest.skip("has zstd")
    feature = Compression()
    assert list(feature._choices.codecs) == ["gzip"]
    assert coding(answer(feature=feature)) == "gzip"
    exchange = answer(None, feature=feature)
    assert decoded(exchange, b"".join(stream(exchange, [BODY]))) == BODY
    assert caplog.records == []


@pytest.mark.usefixtures("only")
def test_a_coding_of_the_settings_whose_library_is_missing_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        feature = Compression(codings=["br", "gzip"])
    [record] = caplog.records
    assert record.getMessage().startswith("compression.codings: br is not offered, as its library is missing: ")
    assert coding(answer(feature=feature)) == "gzip"
    assert len(caplog.records) == 1


@pytest.mark.usefixtures("only")
def test_nothing_is_compressed_where_nothing_can_be() -> None:
    exchange = answer(codings=["br"])
    assert (coding(exchange), exchange.body) == (None, BODY)


def test_isal_does_the_levels_it_can() -> None:
    fast, best = Gzip(5), Gzip(6)
    assert fast._fast is not fast._zlib
    assert best._fast is best._zlib


def test_nothing_is_imported_before_it_is_needed() -> None:
    program = """
import sys, perfkit
libraries = set("brotli _brotli isal backports.zstd compression.zstd asyncio gzip concurrent.futures.thread".split())
assert libraries.isdisjoint(sys.modules), libraries & set(sys.modules)
perfkit.Compression(codings=["gzip"])
assert "isal" in sys.modules and "brotli" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# Codecs of others


class Reversed(Codec):
    name = "x-reversed"
    levels = range(1, 3)
    default_level = 1

    def compress(self, body: bytes) -> bytes:
        return body[::-1][: len(body) // 2]

    def encoder(self, *, live: bool = False, size: int | None = None, padding: int = 0) -> Encoder:
        return ReversedEncoder()


class ReversedEncoder:
    def feed(self, chunk: bytes) -> bytes:
        return chunk[::-1]

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b"!"


@pytest.fixture
def reversed_() -> Iterator[None]:
    assert register(Reversed) is Reversed
    yield
    del _codec._CODECS["x-reversed"]


@pytest.mark.usefixtures("reversed_")
def test_a_codec_of_yours_is_used_like_ours() -> None:
    feature = Compression(codings=["x-reversed", "gzip"], levels={"x-reversed": 2})
    accept = "gzip, X-Reversed"
    exchange = answer(feature=feature, accept=accept, headers=[("ETag", '"a"')])
    assert (coding(exchange), exchange.lines("etag")) == ("x-reversed", ['"a-x-reversed"'])
    assert exchange.body == BODY[::-1][: len(BODY) // 2]
    assert stream(answer(None, feature=feature, accept=accept), [b"abc"]) == [b"cba", b"!"]
    assert feature._choices.codecs["x-reversed"].level == 2


def test_a_codec_of_yours_is_offered_only_where_the_settings_say() -> None:
    with pytest.raises(ConfigurationError, match="x-reversed"):
        Compression(codings=["x-reversed"])
    register(Reversed)
    try:
        assert coding(answer(accept="x-reversed")) is None
    finally:
        del _codec._CODECS["x-reversed"]


@pytest.mark.parametrize("name", ["", "GZIP", "a b", "*", "identity"])
def test_a_name_that_cannot_stand_in_a_header_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a coding"):
        register(type("Bad", (Reversed,), {"name": name}))
    assert name not in _codec._CODECS


def test_a_codec_has_to_do_something() -> None:
    with pytest.raises(NotImplementedError):
        Codec(1).compress(b"")
    with pytest.raises(NotImplementedError):
        Codec(1).encoder()
