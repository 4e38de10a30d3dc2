"""The encoder of a streamed body. Public through `perfkit.exchange`."""

from __future__ import annotations

from math import inf
from typing import Protocol


class Encoder(Protocol):
    """What turns the chunks of a streamed body into other bytes, in order.

    For each chunk the application sends, the host calls `feed` and then `flush` and sends what both gave, as one
    chunk. An encoder with a flush policy of its own gives ``b""`` from `flush` until it is time. `finish` is called
    once, after the last chunk, and not at all when the response fails before its end: the encoder is then dropped.
    One that has an attribute `offload_size` is fed chunks of that many bytes and more on a worker thread, by hosts on
    an event loop.
    """

    def feed(self, chunk: bytes) -> bytes: ...
    def flush(self) -> bytes: ...
    def finish(self) -> bytes: ...


def offload_size(encoder: Encoder) -> float:
    """The length of a chunk, in bytes, that is to be fed on a worker thread."""
    size: float = getattr(encoder, "offload_size", inf)
    return size


class ChainedEncoder:
    """Two encoders, one after the other: what the first gives is fed to the second."""

    def __init__(self, first: Encoder, second: Encoder) -> None:
        self.first = first
        self.second = second
        self.offload_size = min(offload_size(first), offload_size(second))

    def feed(self, chunk: bytes) -> bytes:
        return self._onward(self.first.feed(chunk))

    def flush(self) -> bytes:
        return self._onward(self.first.flush()) + self.second.flush()

    def finish(self) -> bytes:
        return self._onward(self.first.finish()) + self.second.finish()

    def _onward(self, data: bytes) -> bytes:
        return self.second.feed(data) if data else b""
