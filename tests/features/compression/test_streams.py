"""Streams: one member each, live, flushed when the settings say, in little memory."""

import gzip
import subprocess
import sys
import zlib
from typing import Any

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from perfkit import Compression
from perfkit.exchange import Encoder
from perfkit.features.compression._gzip import Gzip
from tests.features.compression.answers import BODY, JSON, answer, coding, decoded, outcome, readable_so_far, stream

CODINGS = ["zstd", "br", "gzip"]
EVENTS = "text/event-stream"
CHUNKS = [BODY[start : start + 300] for start in range(0, len(BODY), 300)]
EVENT = b'event: price\ndata: {"symbol": "AAPL", "price": 12.5}\n\n'


@pytest.mark.parametrize("accept", CODINGS)
def test_each_chunk_can_be_read_when_it_is_sent(accept: str) -> None:
    exchange = answer(None, accept=accept)
    assert coding(exchange) == accept
    sent, received = b"", b""
    for chunk in CHUNKS:
        data = exchange.encode(chunk)
        sent, received = sent + data, received + chunk
        assert data
        assert readable_so_far(accept, sent) == received
    assert decoded(exchange, sent + exchange.encode_end()) == BODY


@pytest.mark.parametrize("accept", CODINGS)
@pytest.mark.parametrize("content_type", [JSON, EVENTS])
@given(data=st.data())
def test_any_body_in_any_pieces_arrives(accept: str, content_type: str, data: st.DataObject) -> None:
    if (accept, content_type) == ("br", EVENTS):
        return
    flush = data.draw(
        st.sampled_from(["chunk", "sse", {"size": 100}, {"milliseconds": 1}, {"size": 50, "milliseconds": 5}])
    )
    padding = data.draw(st.integers(0, 256))
    chunks = data.draw(
        st.lists(st.one_of(st.binary(max_size=300), st.sampled_from([EVENT, EVENT * 30, b"\n", b"\r\n"])))
    )
    exchange = answer(None, accept=accept, content_type=content_type, flush=flush, padding=padding)
    sent = stream(exchange, chunks)
    assert decoded(exchange, b"".join(sent)) == b"".join(chunks)
    assert (outcome(exchange).before, outcome(exchange).after) == (sum(map(len, chunks)), sum(map(len, sent)))


@pytest.mark.parametrize("padding", [0, 50])
def test_a_stream_is_one_member(padding: int) -> None:
    def sent(accept: str) -> bytes:
        return b"".join(stream(answer(None, accept=accept, padding=padding), CHUNKS))

    for accept, decoder in (("gzip", zlib.decompressobj(31)), ("zstd", zstd.ZstdDecompressor())):
        assert decoder.decompress(sent(accept)) == BODY
        assert decoder.eof
    assert zlib.decompressobj(31).decompress(sent("gzip")) == BODY
    unused = zlib.decompressobj(31)
    unused.decompress(sent("gzip"))
    assert unused.unused_data == b""
    whole = brotli.Decompressor()
    assert whole.process(sent("br")) == BODY
    assert whole.is_finished()


@pytest.mark.parametrize("accept", CODINGS)
def test_padding_blurs_the_length_of_a_stream(accept: str) -> None:
    lengths = {len(b"".join(stream(answer(None, accept=accept, padding=50), CHUNKS))) for _ in range(30)}
    assert len(lengths) > 5


@pytest.mark.parametrize("accept", CODINGS)
def test_a_stream_that_turns_out_empty_is_a_valid_empty_one(accept: str) -> None:
    exchange = answer(None, accept=accept)
    assert decoded(exchange, b"".join(stream(exchange, []))) == b""
    exchange = answer(None, accept=accept)
    assert decoded(exchange, b"".join(stream(exchange, [b"", b""]))) == b""


def test_a_tiny_stream_that_the_host_knows_is_a_body() -> None:
    assert Compression.hold == 500
    assert outcome(answer(b"x" * 499)).reason == "too_small"


@pytest.mark.parametrize("accept", CODINGS)
def test_the_same_chunks_give_the_same_bytes(accept: str) -> None:
    assert stream(answer(None, accept=accept), CHUNKS) == stream(answer(None, accept=accept), CHUNKS)


def test_no_compressor_is_made_before_there_is_something_to_compress(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("perfkit.features.compression._gzip.Gzip.encoder")
    exchange = answer(None, accept="gzip")
    with pytest.raises(NotImplementedError):
        exchange.encode(b"x")


@pytest.mark.parametrize("accept", CODINGS)
def test_what_a_stream_held_is_free_at_its_end(accept: str) -> None:
    exchange = answer(None, accept=accept)
    stream(exchange, CHUNKS)
    assert exchange.encoder is not None
    assert exchange.encoder._encoder is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(("accept", "size"), [("zstd", 262_144), ("br", 131_072), ("gzip", 262_144)])
def test_hosts_are_told_which_chunks_take_long(accept: str, size: int) -> None:
    assert answer(None, accept=accept).encoder.offload_size == size  # type: ignore[union-attr]


def test_a_length_that_is_known_is_left_to_the_host() -> None:
    exchange = answer(None, headers=[("content-length", str(len(BODY)))])
    assert exchange.encoder is not None
    exchange.frame(200, None)
    assert exchange.lines("content-length") == []


# Flushing


def pieces(chunks: list[bytes], content_type: str = EVENTS, **options: Any) -> list[bytes]:
    """What can be read after each chunk, beyond what could before."""
    exchange = answer(None, accept="gzip", content_type=content_type, **options)
    sent, seen, new = b"", b"", []
    for chunk in chunks:
        sent += exchange.encode(chunk)
        read = readable_so_far("gzip", sent)
        new.append(read[len(seen) :])
        seen = read
    assert gzip.decompress(sent + exchange.encode_end()) == b"".join(chunks)
    return new


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b"data: 1\n\n", b"data: 2\n\n"], [b"data: 1\n\n", b"data: 2\n\n"]),
        ([b"data: 1\n", b"\n", b"data: 2\n"], [b"", b"data: 1\n\n", b""]),
        ([b"data: 1\r\n\r", b"\n"], [b"data: 1\r\n\r", b""]),  # CR ends a line by itself
        ([b"data: 1\r", b"\r"], [b"", b"data: 1\r\r"]),
        ([b"data: 1\r\n", b"data: 2\r\n", b"\r\n"], [b"", b"", b"data: 1\r\ndata: 2\r\n\r\n"]),
        ([b"data: 1\n\ndata:", b"2", b"\n\n"], [b"data: 1\n\ndata:", b"", b"2\n\n"]),
        ([b": hello\n\n"], [b": hello\n\n"]),
        ([b"d", b"a", b"\n", b"\n"], [b"", b"", b"", b"da\n\n"]),
    ],
)
def test_events_go_out_as_a_whole(chunks: list[bytes], expected: list[bytes]) -> None:
    assert pieces(chunks, flush="sse") == expected


def test_what_is_no_event_goes_out_by_chunk() -> None:
    assert pieces([b"a", b"b"], JSON, flush="sse") == [b"a", b"b"]
    assert pieces([b"a", b"b"], EVENTS) == [b"a", b"b"]


def test_a_stream_can_be_flushed_every_so_many_bytes_and_the_first_at_once() -> None:
    chunks = [b"a" * 40, b"b" * 40, b"c" * 40, b"d" * 40, b"e" * 100]
    assert [len(piece) for piece in pieces(chunks, flush={"size": 100})] == [40, 0, 0, 120, 100]


def test_a_stream_can_be_flushed_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([10.0, 10.125, 10.1875, 10.25, 10.375])
    monkeypatch.setattr("perfkit.features.compression._streams.monotonic", lambda: next(now))
    assert pieces([b"a", b"b", b"c", b"d", b"e"], flush={"milliseconds": 250}) == [b"a", b"", b"", b"bcd", b""]


# Streams that stay open


def test_brotli_is_not_for_streams_that_stay_open() -> None:
    assert coding(answer(None, content_type=EVENTS, accept="br")) is None
    assert answer(None, content_type=EVENTS, accept="br").lines("vary") == ["Accept-Encoding"]
    assert coding(answer(None, content_type=EVENTS, accept="br, zstd;q=0.1")) == "zstd"
    assert coding(answer(None, content_type=EVENTS, codings=["br", "gzip"])) == "gzip"
    assert coding(answer(BODY, content_type=EVENTS, accept="br")) == "br"  # this one is over


def test_events_get_the_coding_that_makes_less_of_them() -> None:
    assert coding(answer(None, content_type=EVENTS)) == "gzip"
    assert coding(answer(None, content_type=f"{EVENTS}; charset=utf-8")) == "gzip"
    assert coding(answer(None, content_type="application/x-ndjson")) == "gzip"
    assert coding(answer(None, content_type=EVENTS, codings=["zstd", "gzip"])) == "zstd"


@pytest.mark.parametrize(("content_type", "live"), [(EVENTS, True), ("application/x-ndjson", True), (JSON, False)])
def test_the_codec_is_told_what_it_is_for(content_type: str, live: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    encoder = Gzip.encoder

    def watched(codec: Gzip, **given: Any) -> Encoder:
        told.append(given)
        return encoder(codec, **given)

    monkeypatch.setattr(Gzip, "encoder", watched)
    headers = [("content-length", "6000")] if not live else []
    answer(None, accept="gzip", content_type=content_type, headers=headers).encode(b"x")
    assert told == [{"live": live, "size": None if live else 6000, "padding": 0}]


MEASURE = """
import gc, sys
from perfkit.features.compression._codec import registered
from perfkit.features.compression._outcome import Outcome
from perfkit.features.compression._streams import StreamEncoder

def resident():
    gc.collect()
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Rss"))

codec = registered(sys.argv[1])(int(sys.argv[2]))
def opened():
    encoder = StreamEncoder(lambda: codec.encoder(live=True), None, Outcome(codec.name), 1)
    for number in range(400):
        encoder.feed(b'data: {"symbol": "AAPL", "price": %d, "volume": %d}\\n\\n' % (number * 7919 % 1000, number ** 5))
        encoder.flush()
    return encoder

streams = [opened() for _ in range(20)]
before = resident()
streams += [opened() for _ in range(200)]
print((resident() - before) / 200)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize(("name", "level"), [("gzip", 5), ("gzip", 9), ("zstd", 3), ("zstd", 19)])
def test_an_open_event_stream_takes_less_than_100_kib(name: str, level: int) -> None:
    command = [sys.executable, "-c", MEASURE, name, str(level)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert 10 < float(done.stdout) < 100
