"""The encoder of a streamed body. Public through `perfkit.exchange`."""

from __future__ import annotations

from typing import Protocol


class Encoder(Protocol):
    """What turns the chunks of a streamed body into other bytes, in order.

    For each chunk the application sends, the host calls `feed` and then `flush` and sends what both gave, as one
    chunk. An encoder with a flush policy of its own gives ``b""`` from `flush` until it is time. `finish` is called
    once, after the last chunk, and not at all when the response fails before its end.
    """

    def feed(self, chunk: bytes) -> bytes: ...
    def flush(self) -> bytes: ...
    def finish(self) -> bytes: ...


class ChainedEncoder:
    """Two encoders, one after the other: what the first gives is fed to the second."""

    def __init__(self, first: Encoder, second: Encoder) -> None:
        self.first = first
        self.second = second

    def feed(self, chunk: bytes) -> bytes:
        return self._onward(self.first.feed(chunk))

    def flush(self) -> bytes:
        return self._onward(self.first.flush()) + self.second.flush()

    def finish(self) -> bytes:
        return self._onward(self.first.finish()) + self.second.finish()

    def _onward(self, data: bytes) -> bytes:
        return self.second.feed(data) if data else b""
