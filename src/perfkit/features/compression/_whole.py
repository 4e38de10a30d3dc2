"""Compressing whole bodies, as far as they become smaller."""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter
from typing import Final, TypeVar

from perfkit.features.compression._cache import BodyCache
from perfkit.features.compression._codec import Codec

T = TypeVar("T")

# A body is sent compressed if that saves as much: the header alone takes the bytes, and what is not compressed can be
# resumed and needs no work to read.
_LEAST_SAVED_BYTES: Final = 24
_LEAST_SAVED_PART: Final = 20  # a twentieth

# Of bodies so large a piece is tried first, as compressing all of one in vain takes milliseconds.
_PROBED_FROM: Final = 128 * 1024
_PROBE: Final = 4096


class Bodies:
    """Compresses whole bodies; may be called from several threads at once.

    Args:
        cache_size: bytes of memory for those that may come again; 0 for none.
        padding: most bytes to add to each.
    """

    def __init__(self, cache_size: int, padding: int) -> None:
        self._cache = BodyCache(cache_size) if cache_size else None
        self._padding = padding

    def drawn_padding(self) -> int:
        """How many bytes to add to a response, at random."""
        # From the system: who can foretell the padding can subtract it.
        return int.from_bytes(os.urandom(4), "big") % (self._padding + 1) if self._padding else 0

    def compressed(self, codec: Codec, body: bytes, *, must: bool) -> bytes | None:
        """The body in that coding; None where it is better sent as it is, unless it must be encoded."""
        if len(body) >= _PROBED_FROM and not must and not _promising(body):
            return None
        data = self._padded(codec, body) if self._padding else self._kept(codec, body)
        return data if must or _saves(len(body), len(data)) else None

    def _padded(self, codec: Codec, body: bytes) -> bytes:
        encoder = codec.encoder(size=len(body), padding=self.drawn_padding())
        return encoder.feed(body) + encoder.finish()

    def _kept(self, codec: Codec, body: bytes) -> bytes:
        if self._cache is None:
            return codec.compress(body)
        key = self._cache.key(codec.name, body)
        data = self._cache.get(key)
        if data is None:
            data = codec.compress(body)
            self._cache.put(key, data)
        return data


def _saves(before: int, after: int) -> bool:
    return before - after >= max(_LEAST_SAVED_BYTES, before // _LEAST_SAVED_PART)


def _promising(body: bytes) -> bool:
    """Whether a piece from the start or one from the middle shrinks."""
    import zlib

    middle = len(body) // 2
    pieces = (body[start : start + _PROBE] for start in (0, middle))
    return any(_saves(len(piece), len(zlib.compress(piece, 1))) for piece in pieces)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """What the work gives, and the seconds it took."""
    started = perf_counter()
    return work(), perf_counter() - started
