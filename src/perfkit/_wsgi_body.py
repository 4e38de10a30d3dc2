"""What the server iterates over on WSGI in place of what the application returned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from perfkit.errors import IncompleteResponseError
from perfkit.stack import SPENT

if TYPE_CHECKING:
    from perfkit._wsgi import WsgiExchange


class Body:
    """A body the application streams: one item out for each item in, and what an encoder held back at the end.

    Attributes:
        first: the item already taken, if any.
        rest: the application's iterator.
        complete: whether all of it was given to the server.
        error: what ended it early.
        close_iterable: closes what the application returned.
    """

    first: bytes | None = None
    rest: Iterator[bytes]
    complete = False
    error: BaseException | None = None

    def __init__(self, exchange: WsgiExchange, iterable: Iterable[bytes]) -> None:
        self.exchange = exchange
        self.close_iterable: Callable[[], object] | None = getattr(iterable, "close", None)

    def __iter__(self) -> Iterator[bytes]:
        encode, count = self.exchange.encode, self.exchange.count
        try:
            if self.first is not None:
                yield count(self.first)
            for item in self.rest:
                yield count(encode(item))
            tail = self.exchange.encode_end()
        except Exception as error:
            self.error = error
            raise
        if tail:
            yield count(tail)
        self.complete = True

    def close(self) -> None:
        """Close the application's iterable and end the exchange; only the first call counts."""
        close_iterable, self.close_iterable = self.close_iterable, None
        try:
            if close_iterable is not None:
                close_iterable()
        except Exception as error:
            self.error = self.error or error
            raise
        finally:
            self._end()

    def _end(self) -> None:
        if self.complete:
            self.exchange.finish(self.error)
        elif self.error is not None:
            self.exchange.fail(self.error)
        else:
            self.exchange.disconnected = True  # who else would not take the rest
            self.exchange.finish(IncompleteResponseError())

    def __del__(self) -> None:
        """End an exchange whose response was dropped unclosed, as the test clients of Werkzeug and Flask do it."""
        if self.exchange._unwind is not SPENT:
            self._end()


class WholeBody(list[bytes]):
    """A whole body: a list of one item, from which servers learn the length, with a `close`."""

    def __init__(self, data: bytes, body: Body) -> None:
        super().__init__((data,))
        body.exchange.count(data)
        body.complete = True
        self.close = body.close
