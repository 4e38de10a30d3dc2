"""What features and the application give each other, by name. Public through `perfkit.exchange`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

# Makes a value when the application asks for it.
Offer: TypeAlias = "Callable[[Shared], Any]"

# Name of the nonce of a Content-Security-Policy, which Django 6 makes by itself.
CSP_NONCE: Final = "csp_nonce"

NOTHING: Final[Mapping[str, Offer]] = {}


class Shared(dict[str, Any]):
    """A dict whose values on offer are made when they are first asked for.

    Attributes:
        late: the headers of the response are written.
        unique: fact: the body will never repeat; see `Exchange.unique`.
        exchange: gives the exchange while it goes on, where a feature has put it there.
    """

    # Not the exchange itself, which holds this: the two would keep each other until the garbage collector comes.
    __slots__ = ("__weakref__", "_offers", "exchange", "late", "unique")

    def __init__(self, offers: Mapping[str, Offer] = NOTHING) -> None:
        # dict's own __init__ has nothing to do.
        self._offers = offers
        self.exchange: Callable[[], Any] | None = None
        self.late = False
        self.unique = False

    def __missing__(self, name: str) -> Any:
        # One step, as two threads of one request have to get the same.
        return self.setdefault(name, self._offers[name](self))

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if name in self else default  # noqa: SIM401 - which is this function

    def has(self, name: str) -> bool:
        """Whether the value is there already."""
        return dict.__contains__(self, name)

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or name in self._offers

    @classmethod
    def joined(cls, present: Any, offers: Mapping[str, Offer]) -> Shared:
        """What is there of a stack further out, with more on offer."""
        if not isinstance(present, Shared):
            return cls(offers)
        present._offers = {**offers, **present._offers}
        return present
