"""Compression within the bounds of a GZipMiddleware of others: gzip alone, of all content types but some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from perfkit.exchange import is_event_stream
from perfkit.features.compression import Compression
from perfkit.features.compression._types import EVENT_STREAM, Kind, Kinds
from perfkit.features.compression._whole import Bodies

GZIP: Final = "gzip"


class Gzip(Compression):
    """`perfkit.Compression` with what its options do not say.

    Args:
        kinds: which responses to compress.
        bodies: how to compress them.
        level: gzip's, 1 to 9; None for the default one.
        thread_size: bodies and chunks of so many bytes are compressed on a thread; None for the default.
        options: options of the section ``compression``.

    Raises:
        ConfigurationError: an option that cannot be used.
    """

    def __init__(
        self, *, kinds: Kinds, bodies: Bodies, level: int | None = None, thread_size: int | None = None, **options: Any
    ) -> None:
        levels = {} if level is None else {GZIP: level}
        super().__init__(codings=(GZIP,), levels=levels, **options)
        self._kinds = kinds
        self._bodies = bodies
        if thread_size is not None:
            self._choices.codecs[GZIP].offload_size = thread_size


class AllBut(Kinds):
    """All content types but some; a response without one is compressed too.

    Args:
        excluded: those not to compress; ``"image/*"`` stands for all of a kind.
    """

    def __init__(self, excluded: Iterable[str] = ()) -> None:
        super().__init__((), ())
        self._excluded = frozenset(map(_essence, excluded))

    def __call__(self, content_type: str | None) -> Kind | None:
        return super().__call__(content_type or "")

    def _kind(self, content_type: str) -> Kind | None:
        essence = _essence(content_type)
        names = {essence, f"{essence.partition('/')[0]}/*"}
        if essence.startswith("application/grpc+"):
            names.add("application/grpc")
        return None if names & self._excluded else Kind(is_event_stream(essence), essence == EVENT_STREAM)


def _essence(content_type: str) -> str:
    """The content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()
