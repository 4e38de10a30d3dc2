"""One response through Compression, and what a client reads of it."""

import gzip
import zlib
from collections.abc import Iterable
from typing import Any

import brotli
from backports import zstd

from perfkit import Compression
from perfkit.feature import Pending
from tests.memory_exchange import MemoryExchange

BROWSER = "gzip, deflate, br, zstd"
JSON = "application/json"
# 6 KB that shrink.
BODY = b"".join(b'{"id": %d, "title": "Emma"},' % number for number in range(220))

DECODERS = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress, "zstd": zstd.decompress}

Pairs = Iterable[tuple[str, str]]


def answer(
    body: bytes | None = BODY,
    *,
    feature: Compression | None = None,
    accept: str | None = BROWSER,
    content_type: str | None = JSON,
    status: int = 200,
    method: str = "GET",
    target: str = "/",
    headers: Pairs = (),
    request_headers: Pairs = (),
    sendfile: bool = False,
    facts: dict[str, Any] | None = None,
    **options: Any,
) -> MemoryExchange:
    """The exchange once its response, a stream where the body is None, has passed through the feature."""
    asked = [] if accept is None else [("accept-encoding", accept)]
    exchange = MemoryExchange(method=method, target=target, request_headers=[*asked, *request_headers])
    feature = feature or Compression(**options)
    feature.on_request(exchange)
    exchange.status, exchange.body, exchange.sendfile = status, body, sendfile
    exchange.headers = [*([("content-type", content_type)] if content_type is not None else []), *headers]
    exchange.facts |= facts or {}
    pending = feature.on_response(exchange)
    if isinstance(pending, Pending):
        pending.run()
    return exchange


def coding(exchange: MemoryExchange) -> str | None:
    """The coding the response names."""
    lines = exchange.lines("content-encoding")
    assert len(lines) < 2
    return lines[0] if lines else None


def stream(exchange: MemoryExchange, chunks: Iterable[bytes]) -> list[bytes]:
    """What a host sends for these chunks, and for the end."""
    return [*(exchange.encode(chunk) for chunk in chunks), exchange.encode_end()]


def decoded(exchange: MemoryExchange, data: bytes | None = None) -> bytes:
    """The body as the client reads it."""
    data = exchange.body if data is None else data
    assert data is not None
    return DECODERS[coding(exchange)](data)


def readable_so_far(name: str, data: bytes) -> bytes:
    """What a client can read of the start of a body."""
    if name == "gzip":
        return zlib.decompressobj(31).decompress(data)
    if name == "br":
        return brotli.Decompressor().process(data)
    return zstd.ZstdDecompressor().decompress(data)


def outcome(exchange: MemoryExchange) -> Any:
    return exchange.facts["compression"]


def reason(exchange: MemoryExchange) -> str:
    """Why the response was left alone, which it was in all respects but those asserted elsewhere."""
    assert exchange.encoder is None
    assert outcome(exchange).coding is None
    return outcome(exchange).reason
