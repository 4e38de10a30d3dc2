"""Which coding a response gets, worked out once for each Accept-Encoding."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from perfkit.features.compression._codec import Codec, registered
from perfkit.features.compression._negotiation import MAX_LENGTH, ranked, refuses_identity, weight_of, weights

logger = logging.getLogger("perfkit")

# What the server prefers among what a client likes equally, where the settings do not say.
DEFAULT_CODINGS: Final = ("zstd", "br", "gzip")
# Of a small body brotli makes no less than gzip does, and takes twice as long.
_DEFAULT_SMALL: Final = ("zstd", "gzip", "br")
# Of events, which come in small pieces, gzip makes less than zstd, with less memory (measured).
_DEFAULT_LIVE: Final = ("gzip", "zstd")
LARGE_FROM: Final = 16 * 1024

# Different headers that are remembered. Browsers send a dozen in all.
_REMEMBERED: Final = 256


class Choice(NamedTuple):
    """What a client gets.

    Attributes:
        large: the codec for bodies from 16 KiB on, and for streams; None for identity.
        small: the one for smaller bodies.
        live: the one for streams that stay open.
        identity: whether identity is acceptable.
        accepted: the names of the codings offered that are acceptable at all.
    """

    large: Codec | None
    small: Codec | None
    live: Codec | None
    identity: bool
    accepted: frozenset[str]


class Choices:
    """Finds what a client gets.

    Args:
        codings: the codings to offer, in the server's order; None for perfkit's own as far as they are installed,
            in the order that suits the body.
        levels: levels by coding, where they are not to be the default ones.
    """

    def __init__(self, codings: tuple[str, ...] | None, levels: Mapping[str, int]) -> None:
        self.codecs = _made(codings or DEFAULT_CODINGS, levels, named=codings is not None)
        self._large = tuple(self.codecs)
        self._small = codings or _DEFAULT_SMALL
        self._live = codings or _DEFAULT_LIVE
        # Nobody named a coding: all would do, and many who ask so can read none (RFC 9110 section 12.5.3).
        self.unasked = Choice(None, None, None, True, frozenset(self.codecs))
        self._none = self.unasked._replace(accepted=frozenset())
        self._remembered = lru_cache(_REMEMBERED)(self._choice)

    def __call__(self, accept_encoding: str | None) -> Choice:
        """What the client that sent this header gets."""
        if accept_encoding is None:
            return self.unasked
        return self._none if len(accept_encoding) > MAX_LENGTH else self._remembered(accept_encoding)

    def _choice(self, accept_encoding: str) -> Choice:
        weighed = weights(accept_encoding)
        live = [coding for coding in self._live if coding in self.codecs and self.codecs[coding].live]
        return Choice(
            self._first(self._large, weighed),
            self._first(self._small, weighed),
            self._first(live, weighed),
            not refuses_identity(weighed),
            frozenset(coding for coding in self.codecs if weight_of(coding, weighed)),
        )

    def _first(self, offered: Iterable[str], weighed: Mapping[str, int]) -> Codec | None:
        order = ranked((coding for coding in offered if coding in self.codecs), weighed)
        return self.codecs[order[0]] if order else None


def _made(codings: Iterable[str], levels: Mapping[str, int], *, named: bool) -> dict[str, Codec]:
    """The codecs that are there."""
    made: dict[str, Codec] = {}
    for coding in codings:
        codec = registered(coding)
        if codec is None:  # registered when the options were checked, or one of perfkit's own
            continue
        try:
            made[coding] = codec(levels.get(coding, codec.default_level))
        except ImportError as error:
            if named:
                logger.warning("compression.codings: %s is not offered, as its library is missing: %s", coding, error)
    return made
