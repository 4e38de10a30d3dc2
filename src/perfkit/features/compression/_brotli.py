"""Brotli (RFC 7932), by the package of that name, or brotlicffi where there is no other."""

from __future__ import annotations

from typing import Any, Final

from perfkit.exchange import Encoder
from perfkit.features.compression._codec import Codec, register

# The window, as a logarithm: browsers take up to 24. That of streams saves 0.4 MiB for each, at the same ratio.
_WINDOW: Final = 22
_STREAM_WINDOW: Final = 18

# Most bytes one block of metadata can hold with a length of one byte.
MAX_PADDING: Final = 256


@register
class Brotli(Codec):
    """br, of the package ``brotli``.

    Not for live streams: all that compresses well takes at least 320 KiB for each (measured).
    """

    name = "br"
    levels = range(12)
    default_level = 4
    live = False
    offload_size = 128 * 1024

    def __init__(self, level: int) -> None:
        super().__init__(level)
        try:
            import brotli
        except ImportError:
            import brotlicffi as brotli  # PyPy's
        self._compress: Any = brotli.compress
        self._new: Any = brotli.Compressor

    def compress(self, body: bytes) -> bytes:
        return self._compress(body, quality=self.level, lgwin=_WINDOW)  # type: ignore[no-any-return]

    def encoder(self, *, live: bool = False, size: int | None = None, padding: int = 0) -> Encoder:
        return _BrotliEncoder(self._new(quality=self.level, lgwin=_STREAM_WINDOW), min(padding, MAX_PADDING))


class _BrotliEncoder:
    __slots__ = ("_compressor", "_padding")

    def __init__(self, compressor: Any, padding: int) -> None:
        self._compressor = compressor
        self._padding = padding

    def feed(self, chunk: bytes) -> bytes:
        return self._compressor.process(chunk)  # type: ignore[no-any-return]

    def flush(self) -> bytes:
        return self._compressor.flush()  # type: ignore[no-any-return]

    def finish(self) -> bytes:
        if not self._padding:
            return self._compressor.finish()  # type: ignore[no-any-return]
        data: bytes = self._compressor.flush()  # what follows then begins with a whole byte
        end: bytes = self._compressor.finish()
        return data + _metadata(self._padding) + end


def _metadata(length: int) -> bytes:
    """A block of so many bytes that decoders skip (RFC 7932 section 9.2): ISLAST 0, MNIBBLES 11, 0, MSKIPBYTES 01."""
    return (0b01_0_11_0 | (length - 1) << 6).to_bytes(2, "little") + bytes(length)
