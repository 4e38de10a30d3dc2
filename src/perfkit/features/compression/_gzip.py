"""gzip (RFC 1952), by isal where that is installed and fits the level, else by zlib."""

from __future__ import annotations

from typing import Any, Final

from perfkit.exchange import Encoder
from perfkit.features.compression._codec import Codec, register

# ID1 ID2 CM, then FLG, MTIME (none), XFL, OS (unknown): the same on every platform, at any time, from either library.
_MAGIC: Final = b"\x1f\x8b\x08"
_REST: Final = b"\x00\x00\x00\x00\x00\xff"
_HEADER: Final = _MAGIC + b"\x00" + _REST
_FNAME: Final = b"\x08"

_WBITS: Final = 31  # a window of 32 KiB (15), and a gzip header (16)
# 63 KiB per open stream in place of up to 268 (measured), for 4 % more bytes.
_LIVE_WBITS: Final = 13 + 16
_LIVE_MEM_LEVEL: Final = 6

# isal's levels 1 and 2 compress about as zlib's 3 and 4, five times as fast. Who asks for more than 5 wants the size.
_ISAL_UP_TO: Final = 5


@register
class Gzip(Codec):
    """gzip. Works with the standard library alone; several times as fast with isal, at levels up to 5."""

    name = "gzip"
    levels = range(1, 10)
    default_level = 5

    def __init__(self, level: int) -> None:
        super().__init__(level)
        import zlib

        self._zlib: Any = zlib
        self._fast: Any = zlib
        if level <= _ISAL_UP_TO:
            try:
                from isal import isal_zlib
            except ImportError:
                pass
            else:
                self._fast = isal_zlib
                self._level = 1 if level == 1 else 2
                self.offload_size = 256 * 1024
                return
        self._level = level

    def compress(self, body: bytes) -> bytes:
        return _HEADER + self._fast.compress(body, self._level, _WBITS)[len(_HEADER) :]  # type: ignore[no-any-return]

    def encoder(self, *, live: bool = False, size: int | None = None, padding: int = 0) -> Encoder:
        header = _MAGIC + _FNAME + _REST + b"a" * padding + b"\x00" if padding else _HEADER
        if live:  # zlib, whose memory can be chosen
            deflate = self._zlib.compressobj(self.level, 8, _LIVE_WBITS, _LIVE_MEM_LEVEL)
        else:
            deflate = self._fast.compressobj(self._level, 8, _WBITS)
        return _GzipEncoder(header, deflate, self._zlib.Z_SYNC_FLUSH)


class _GzipEncoder:
    """One gzip member, with our header in place of the library's."""

    __slots__ = ("_deflate", "_header", "_skip", "_sync_flush")

    def __init__(self, header: bytes, deflate: Any, sync_flush: int) -> None:
        self._header = header
        self._skip = len(_HEADER)
        self._deflate = deflate
        self._sync_flush = sync_flush

    def feed(self, chunk: bytes) -> bytes:
        return self._headed(self._deflate.compress(chunk))

    def flush(self) -> bytes:
        return self._headed(self._deflate.flush(self._sync_flush))

    def finish(self) -> bytes:
        return self._headed(self._deflate.flush())

    def _headed(self, data: bytes) -> bytes:
        if not self._skip and not self._header:
            return data
        header, self._header = self._header, b""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        return header + data[skipped:]
