"""Bodies as a client reads them."""

from __future__ import annotations

import sys
import zlib
from typing import Any

from benchmarks.model import Answer
from benchmarks.rows import peer


def decoded(answer: Answer) -> bytes:
    """The body without its coding.

    Raises:
        AssertionError: a response has ended before the body is complete, or something follows it.
    """
    if not answer.coding:
        return answer.body
    if answer.coding == "br":
        data, ended, rest = _from_brotli(answer.body)
    else:
        decoder = _decoder(answer.coding)
        data, ended, rest = decoder.decompress(answer.body), decoder.eof, decoder.unused_data
    assert ended or not answer.ended, f"an incomplete {answer.coding} body"
    assert not rest, f"something behind the {answer.coding} body"
    return data


def _decoder(coding: str) -> Any:
    if coding == "gzip":
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    return peer("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd").ZstdDecompressor()


def _from_brotli(body: bytes) -> tuple[bytes, bool, bytes]:
    decoder = peer("brotli").Decompressor()
    pieces = [decoder.process(body)]
    while pieces[-1]:  # it gives a part of what there is
        pieces.append(decoder.process(b""))
    return b"".join(pieces), decoder.is_finished(), b""
