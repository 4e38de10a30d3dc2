"""The codec contract, and the table of what the names of codings stand for."""

from __future__ import annotations

from typing import ClassVar, Final, TypeVar

from perfkit.exchange import Encoder, is_token

# What is larger takes long enough to be worth a trip to a thread: about 1.5 ms at zlib's 43 MB/s.
OFFLOAD_SIZE: Final = 64 * 1024


class Codec:
    """A content coding (RFC 9110 section 8.4.1): base of those of perfkit, and of yours.

    One object serves all exchanges of a stack, on all threads at once. What it needs is imported in its constructor,
    so that a codec nobody uses costs nothing.

    Args:
        level: how hard to try, one of `levels`.

    Raises:
        ImportError: the library is not installed; the coding is then not offered.

    Class attributes:
        name: the coding as HTTP names it, in lower case: ``"gzip"``.
        levels: the levels there are.
        default_level: the one used where the settings name none.
        levels_why: what to say of a level that is none of them; a reason, or empty.
        live: whether it suits streams that stay open long, of which there may be thousands.

    Attributes:
        level: the level in use.
        offload_size: bodies and chunks of so many bytes are compressed on a thread where the host awaits.
    """

    name: ClassVar[str]
    levels: ClassVar[range]
    default_level: ClassVar[int]
    levels_why: ClassVar[str] = ""
    live: ClassVar[bool] = True
    offload_size: int = OFFLOAD_SIZE

    def __init__(self, level: int) -> None:
        self.level = level

    def compress(self, body: bytes) -> bytes:
        """The whole body, compressed; always the same bytes for the same body. Called from any thread."""
        raise NotImplementedError

    def encoder(self, *, live: bool = False, size: int | None = None, padding: int = 0) -> Encoder:
        """What compresses one stream.

        Args:
            live: the stream may stay open for hours: use little memory (perfkit's codecs stay below 100 KiB).
            size: how many bytes to expect, where that is known; only a hint.
            padding: so many bytes without meaning to put into the output, to blur its length; see the option
                ``padding``. A codec whose format has no room for them leaves them out.
        """
        raise NotImplementedError


CodecClass = TypeVar("CodecClass", bound=type[Codec])

_CODECS: Final[dict[str, type[Codec]]] = {}


def register(codec: CodecClass) -> CodecClass:
    """Make a codec known by its name, for the settings to name it. Also a class decorator.

    It is a table of names, as that of `codecs.register`, and changes no stack: those use what their ``codings`` name.
    A later codec of the same name takes the place of the earlier in stacks made from then on.

    Raises:
        ValueError: the name is not a token in lower case, or means something else in Accept-Encoding.
    """
    name = codec.name
    if not is_token(name) or name != name.lower() or name in ("*", "identity"):
        raise ValueError(f"{name!r} cannot name a coding: write it in lower case, as in Accept-Encoding")
    _CODECS[name] = codec
    return codec


def registered(name: str) -> type[Codec] | None:
    """The codec of that name."""
    return _CODECS.get(name)


def codings() -> list[str]:
    """The names there are."""
    return list(_CODECS)
