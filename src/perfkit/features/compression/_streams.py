"""The encoder of a stream: when it flushes, and what it counts."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Annotated, Final, Literal, Protocol

from msgspec import Meta

from perfkit.exchange import Encoder
from perfkit.features.compression._outcome import Outcome
from perfkit.options import BadOption, Options

# What ends an event: two line ends in a row, each LF, CR or CRLF (HTML section 9.2.5).
_EVENT_ENDS: Final = (b"\n\n", b"\r\r", b"\r\n\r\n", b"\n\r\n", b"\r\n\r", b"\n\r", b"\r\n\n")
_LONGEST_END: Final = 4


class Flush(Options, frozen=True, kw_only=True):
    """When a stream is flushed: as soon as one of the two is reached.

    It is looked at as chunks come, not by a clock: what is held waits for the next chunk.

    Attributes:
        size: bytes of the application since the last flush.
        milliseconds: time since the last flush.
    """

    size: Annotated[int, Meta(ge=1)] | None = None
    milliseconds: Annotated[int, Meta(ge=1)] | None = None

    def __post_init__(self) -> None:
        if self.size is None and self.milliseconds is None:
            raise BadOption("size", "neither it nor milliseconds is given", "write for example 16384")


class Pace(Protocol):
    """Says after each chunk whether to flush."""

    def due(self, chunk: bytes) -> bool: ...


FlushPolicy = Literal["chunk", "sse"] | Flush


def pace(policy: FlushPolicy, *, events: bool) -> Pace | None:
    """What says when to flush; None for after each chunk."""
    if isinstance(policy, Flush):
        return _Paced(policy)
    return _Events() if policy == "sse" and events else None


class _Events:
    """Due when an event has ended, so that an event sent line by line goes out in one piece."""

    def __init__(self) -> None:
        self._tail = b""

    def due(self, chunk: bytes) -> bool:
        seen = self._tail + chunk
        self._tail = seen[1 - _LONGEST_END :]
        ended = any(end in seen for end in _EVENT_ENDS)
        if ended:
            self._tail = b""
        return ended


class _Paced:
    def __init__(self, policy: Flush) -> None:
        self._size = policy.size
        self._seconds = policy.milliseconds and policy.milliseconds / 1e3
        self._held = 0
        self._flushed: float | None = None

    def due(self, chunk: bytes) -> bool:
        self._held += len(chunk)
        now = monotonic() if self._seconds else 0.0
        due = (
            self._flushed is None  # the first bytes never wait
            or (self._size is not None and self._held >= self._size)
            or (self._seconds is not None and now - self._flushed >= self._seconds)
        )
        if due:
            self._held, self._flushed = 0, now
        return due


class StreamEncoder:
    """What the host puts the chunks of a stream through.

    Args:
        make: makes the codec's encoder, when the first chunk is there.
        pace: says when to flush.
        outcome: where to count.
        offload_size: chunks of so many bytes are to be fed on a thread where the host awaits.
    """

    __slots__ = ("_due", "_encoder", "_make", "_outcome", "_pace", "offload_size")

    def __init__(self, make: Callable[[], Encoder], pace: Pace | None, outcome: Outcome, offload_size: int) -> None:
        self._make = make
        self._encoder: Encoder | None = None
        self._pace = pace
        self._due = True
        self._outcome = outcome
        self.offload_size = offload_size

    def feed(self, chunk: bytes) -> bytes:
        if self._pace is not None:
            self._due = self._pace.due(chunk)
        self._outcome.before += len(chunk)
        return self._counted(self._made().feed(chunk))

    def flush(self) -> bytes:
        return self._counted(self._made().flush()) if self._due else b""

    def finish(self) -> bytes:
        data = self._counted(self._made().finish())
        self._encoder = None  # what refers to the exchange may live on; the codec's memory need not
        return data

    def _made(self) -> Encoder:
        if self._encoder is None:
            self._encoder = self._make()
        return self._encoder

    def _counted(self, data: bytes) -> bytes:
        self._outcome.after += len(data)
        return data
