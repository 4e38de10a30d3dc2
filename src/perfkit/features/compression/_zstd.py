"""Zstandard (RFC 8878), by the standard library of Python 3.14 or its backport."""

from __future__ import annotations

import struct
import sys
from collections import deque
from typing import Any, Final

from perfkit.exchange import Encoder
from perfkit.features.compression._codec import Codec, register

# Contexts kept for reuse, whatever the number of threads: making one takes as long as compressing 10 KB.
_KEPT_CONTEXTS: Final = 8
# A context that compressed more would keep a window of that size. From here on making one costs nothing in comparison.
_REUSE_UP_TO: Final = 256 * 1024

# Logarithms of window, hash table and chain table. Of a stream the size is not known, and the library would take
# 1.8 MiB; so it is at most 0.6 (measured), at the same ratio. Browsers refuse windows above 8 MB (RFC 9659).
_STREAM: Final = {"window_log": 17, "hash_log": 15, "chain_log": 15}
# 74 KiB per open stream (measured).
_LIVE: Final = {"window_log": 13, "hash_log": 12, "chain_log": 12}
_LIVE_LEVEL: Final = 1

# A frame that decoders skip (RFC 8878 section 3.1.2), and its header.
_SKIPPABLE: Final = 0x184D2A50
_SKIPPABLE_HEADER: Final = struct.Struct("<II")


@register
class Zstd(Codec):
    """zstd, of Python 3.14 or of the package ``backports.zstd``."""

    name = "zstd"
    levels = range(1, 20)
    default_level = 3
    levels_why = "from 20 on it takes windows that browsers refuse (RFC 9659)"
    offload_size = 256 * 1024

    def __init__(self, level: int) -> None:
        super().__init__(level)
        zstd = _library()
        self._new: Any = zstd.ZstdCompressor
        self._end_of_frame: int = zstd.ZstdCompressor.FLUSH_FRAME
        self._stream = self._options(zstd, level, _STREAM)
        self._live = self._options(zstd, min(level, _LIVE_LEVEL), _LIVE)
        # A deque's append and pop need no lock, and each context has one user at a time.
        self._contexts: deque[Any] = deque(maxlen=_KEPT_CONTEXTS)

    @staticmethod
    def _options(zstd: Any, level: int, sizes: dict[str, int]) -> dict[Any, int]:
        names = zstd.CompressionParameter
        return {names.compression_level: level, **{getattr(names, name): value for name, value in sizes.items()}}

    def compress(self, body: bytes) -> bytes:
        if len(body) > _REUSE_UP_TO:
            return self._new(level=self.level).compress(body, self._end_of_frame)  # type: ignore[no-any-return]
        try:
            context = self._contexts.pop()
        except IndexError:
            context = self._new(level=self.level)
        data: bytes = context.compress(body, self._end_of_frame)
        self._contexts.append(context)  # not after an error, which may leave half a frame in it
        return data

    def encoder(self, *, live: bool = False, size: int | None = None, padding: int = 0) -> Encoder:
        return _ZstdEncoder(self._new(options=self._live if live else self._stream), padding)


class _ZstdEncoder:
    """One frame, and one to skip behind it where there is padding."""

    __slots__ = ("_compressor", "_padding")

    def __init__(self, compressor: Any, padding: int) -> None:
        self._compressor = compressor
        self._padding = padding

    def feed(self, chunk: bytes) -> bytes:
        return self._compressor.compress(chunk)  # type: ignore[no-any-return]

    def flush(self) -> bytes:
        return self._compressor.flush(self._compressor.FLUSH_BLOCK)  # type: ignore[no-any-return]

    def finish(self) -> bytes:
        data: bytes = self._compressor.flush()
        if self._padding:
            data += _SKIPPABLE_HEADER.pack(_SKIPPABLE, self._padding) + bytes(self._padding)
        return data


def _library() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd
