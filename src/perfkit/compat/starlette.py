"""In place of ``starlette.middleware.gzip``: Starlette 1.10's arguments, for it and for FastAPI."""

from __future__ import annotations

from typing import Final

from perfkit._asgi import ASGIApp
from perfkit.asgi import PerfkitMiddleware
from perfkit.compat._gzip import AllBut, Gzip
from perfkit.features.compression._codec import Codec
from perfkit.features.compression._whole import Bodies
from perfkit.stack import Stack

__all__ = ["DEFAULT_EXCLUDED_CONTENT_TYPES", "GZipMiddleware", "GZipResponder"]

DEFAULT_EXCLUDED_CONTENT_TYPES: Final = (
    "application/grpc",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "audio/*",
    "font/woff",
    "font/woff2",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "text/event-stream",
    "video/*",
)

# A body so small is compressed only where minimum_size says so, and then even if nothing is gained by it.
SMALL: Final = 500

# zlib's name for the level it thinks best, and the level that is.
DEFAULT_LEVEL: Final = -1
BEST_LEVEL: Final = 6


class GZipMiddleware(PerfkitMiddleware):
    """Compresses responses with gzip.

    Args:
        app: the application to wrap.
        minimum_size: bytes of the smallest whole body to compress; streams are compressed whatever their size.
        compresslevel: 1 to 9. Up to 5 perfkit can use isal, which is several times as fast.
        thread_minimum_size: bytes of the smallest body or chunk to compress on a thread.
        exclude_content_types: those not to compress; ``"image/*"`` stands for all of a kind.

    Raises:
        ConfigurationError: a value that cannot be used.
    """

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int = SMALL,
        compresslevel: int = 9,
        thread_minimum_size: int = 128 * 1024,
        *,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        self.app = app
        feature = _Gzip(
            kinds=AllBut(exclude_content_types),
            bodies=_Bodies(0, 0),
            level=BEST_LEVEL if compresslevel == DEFAULT_LEVEL else compresslevel,
            thread_size=thread_minimum_size,
            minimum_size=minimum_size,
        )
        self.stack = Stack([feature])


class GZipResponder(GZipMiddleware):
    """`GZipMiddleware` with the arguments of Starlette's responder, for code that makes one of its own."""

    def __init__(
        self,
        app: ASGIApp,
        minimum_size: int,
        compresslevel: int = 9,
        *,
        thread_minimum_size: int = 128 * 1024,
        exclude_content_types: tuple[str, ...] = DEFAULT_EXCLUDED_CONTENT_TYPES,
    ) -> None:
        super().__init__(
            app, minimum_size, compresslevel, thread_minimum_size, exclude_content_types=exclude_content_types
        )


class _Gzip(Gzip):
    hold = 0  # as each chunk is answered with one, the first too


class _Bodies(Bodies):
    def compressed(self, codec: Codec, body: bytes, *, must: bool) -> bytes | None:
        return super().compressed(codec, body, must=must or len(body) < SMALL)
