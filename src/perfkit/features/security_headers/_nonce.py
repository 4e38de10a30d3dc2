"""The nonce of a response: a number used once, that tells the page's own scripts from injected ones."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING
from weakref import ref

if TYPE_CHECKING:
    from perfkit.exchange import Exchange

# Two threads of one request, as templates rendered beside each other, must get the same value.
_MAKING = Lock()


class Nonce:
    """What stands in ``nonce="..."`` of a script or a style. Made when it is first read as text.

    Reading it makes the response unique: no validator is made for it, and no shared cache may keep it.

    Its truth is whether reading it gives a value: False only where it was not read before the headers were sent.

    Attributes:
        late: the headers are written; set by the feature.
        value: the value, empty while nobody has read it.
    """

    __slots__ = ("_exchange", "late", "value")

    def __init__(self, exchange: Exchange) -> None:
        # Weak: the exchange holds this, and must be gone as soon as its host drops it.
        self._exchange = ref(exchange)
        self.late = False
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
            exchange = self._exchange()
            if self.late or exchange is None:
                raise RuntimeError(
                    "the CSP nonce was read for the first time after the headers of the response were written, so that "
                    "no policy can name it any more; read it before the first byte of the body, for example with "
                    "str(nonce) in the view that returns the stream"
                )
            from secrets import token_urlsafe  # here: it takes long to import, and most applications have no nonce

            exchange.unique = True
            self.value = token_urlsafe(24)
            return self.value

    def __html__(self) -> str:
        return str(self)

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self.value) or not self.late

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, str | Nonce) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __repr__(self) -> str:
        return f"<Nonce, {'read' if self.value else 'not read'}>"
