"""The nonce of a response: a number used once, that tells the page's own scripts from injected ones."""

from __future__ import annotations

import re
from threading import Lock
from typing import Final
from weakref import ref

from perfkit.exchange import CSP_NONCE, Shared

__all__ = ["CSP_NONCE", "Nonce", "made_nonce"]

# Two threads of one request, as templates rendered beside each other, must get the same value.
_MAKING = Lock()
# base64-value of CSP level 3 section 2.3.1.
_VALUE: Final = re.compile(r"[A-Za-z0-9+/_-]+={0,2}", re.ASCII)


class Nonce:
    """What stands in ``nonce="..."`` of a script or a style. Made when it is first read as text.

    Reading it makes the response unique: no validator is made for it, and no shared cache may keep it.

    Its truth is whether reading it gives a value: False only where it was not read before the headers were sent.

    Attributes:
        value: the value, empty while nobody has read it.
    """

    __slots__ = ("_shared", "value")

    def __init__(self, shared: Shared) -> None:
        # Weak, as it holds this.
        self._shared = ref(shared)
        self.value = ""

    def __str__(self) -> str:
        """The value: 192 random bits as 32 characters of base64url, which need no escaping in HTML.

        Raises:
            RuntimeError: it is read for the first time after the headers were written.
        """
        return self.value or self._make()

    def _make(self) -> str:
        with _MAKING:
            if self.value:
                return self.value
            shared = self._shared()
            if shared is None or shared.late:
                raise RuntimeError(
                    "the CSP nonce was read for the first time after the headers of the response were written, so that "
                    "no policy can name it any more; read it before the first byte of the body, for example with "
                    "str(nonce) in the view that returns the stream"
                )
            from secrets import token_urlsafe  # here: it takes long to import, and most applications have no nonce

            shared.unique = True
            self.value = token_urlsafe(24)
            return self.value

    def __html__(self) -> str:
        return str(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        shared = self._shared()
        return bool(self.value) or not (shared is None or shared.late)

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | Nonce) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"<Nonce, {'read' if self.value else 'not read'}>"


def made_nonce(shared: Shared) -> str:
    """The nonce that the page of this exchange has read; empty where it has read none.

    Raises:
        TypeError: the application has put something else in the place of it.
    """
    nonce = dict.get(shared, CSP_NONCE)  # Shared.get would make one
    if nonce is None:
        return ""
    if isinstance(nonce, Nonce):
        return nonce.value
    if isinstance(nonce, str) and _VALUE.fullmatch(nonce):
        return nonce
    raise TypeError(f"{nonce!r} cannot be the CSP nonce: leave {CSP_NONCE!r} to perfkit, or put a base64 value there")
