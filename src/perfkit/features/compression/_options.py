"""The options of the section ``compression``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta

from perfkit.exchange import Exchange
from perfkit.features.compression._brotli import MAX_PADDING
from perfkit.features.compression._choice import DEFAULT_CODINGS
from perfkit.features.compression._codec import codings, registered
from perfkit.features.compression._metadata import EtagMode
from perfkit.features.compression._streams import FlushPolicy
from perfkit.features.compression._types import is_media_type
from perfkit.options import BadOption, Options


class CompressionOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``compression``.

    Attributes:
        codings: the codings to offer, in the order to prefer them among those a client likes equally. None: zstd, br
            and gzip as far as their libraries are installed, in the order that suits the body.
        levels: the level of each coding, where it is not to be the default one.
        minimum_size: bytes of the smallest body to compress.
        types: content types to compress beside the usual ones; ``"font/*"`` stands for all of a kind.
        exclude_types: content types not to compress.
        exclude: paths whose responses are left alone, with ``*`` for any characters.
        skip_if: a function that is given the exchange, and says whether to leave its response alone.
        honor_no_transform: whether responses with Cache-Control: no-transform are left alone.
        etag: what becomes of the application's strong ETag on a compressed response: ``"suffix"``: ``"abc"`` is sent
            as ``"abc-gzip"``, and read back; ``"weak"``: ``W/"abc"``; ``"keep"``; ``"drop"``.
        flush: when a stream is flushed: after each ``"chunk"``; ``"sse"``, the same, but server-sent events each as a
            whole; or `Flush`.
        padding: most random bytes to add to each compressed response, to slow attacks that measure its length.
        cache_size: bytes of memory for compressed bodies that may be sent again; 0 for none.
    """

    codings: tuple[str, ...] | None = None
    levels: dict[str, int] = {}  # noqa: RUF012 - msgspec copies it
    minimum_size: Annotated[int, Meta(ge=0)] = 500
    types: tuple[str, ...] = ()
    exclude_types: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    skip_if: Callable[[Exchange], bool] | None = None
    honor_no_transform: bool = True
    etag: EtagMode = "suffix"
    flush: FlushPolicy = "chunk"
    padding: Annotated[int, Meta(ge=0, le=MAX_PADDING)] = 0
    cache_size: Annotated[int, Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        self._check_codings()
        for name, level in self.levels.items():
            self._check_level(name, level)
        self._check_types("types", self.types)
        self._check_types("exclude_types", self.exclude_types)
        for index, path in enumerate(self.exclude):
            if not path.startswith(("/", "*")):
                raise BadOption(f"exclude[{index}]", f"{path!r} is no path", "begin it with '/', as in '/download*'")
        if self.padding and self.cache_size:
            raise BadOption("cache_size", "what comes from the cache has no padding", "set one of the two to 0")

    def _check_codings(self) -> None:
        if self.codings is None:
            return
        if not self.codings:
            raise BadOption("codings", "there is none", "write compression = False to turn it off")
        for index, name in enumerate(self.codings):
            if registered(name) is None:
                raise BadOption(f"codings[{index}]", f"{name!r} is not known", _mend(name))
            if name in self.codings[:index]:
                raise BadOption(f"codings[{index}]", f"{name!r} is there twice", "remove one of them")

    def _check_level(self, name: str, level: int) -> None:
        codec = registered(name)
        if codec is None or name not in (self.codings or DEFAULT_CODINGS):
            problem = f"{name!r} is not known" if codec is None else "this coding is not among codings"
            raise BadOption(f"levels.{name}", problem, _mend(name) if codec is None else "add it there, or remove it")
        if level not in codec.levels:
            why = f": {codec.levels_why}" if codec.levels_why else ""
            mend = f"write a whole number from {codec.levels[0]} to {codec.levels[-1]}"
            raise BadOption(f"levels.{name}", f"{level} is not a level of {name}{why}", mend)

    def _check_types(self, option: str, types: tuple[str, ...]) -> None:
        for index, kind in enumerate(types):
            if not is_media_type(kind):
                mend = "write for example 'application/x-book' or 'font/*'"
                raise BadOption(f"{option}[{index}]", f"{kind!r} is not a content type", mend)


def _mend(name: str) -> str:
    # Imported late: a program with good settings never needs it.
    from perfkit._wording import did_you_mean

    return did_you_mean(name, codings()) or f"use some of: {', '.join(codings())}"
