"""Who has figures and is in no stack: the receivers of reports, which are applications of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Protocol
from weakref import WeakSet

if TYPE_CHECKING:
    from perfkit.feature import Figure


class FigureSource(Protocol):
    """Something that counts by itself; see `Feature.figures`."""

    def figures(self) -> Iterable[Figure]: ...


# Of the whole process: told in the global registry of prometheus-client.
SOURCES: Final[WeakSet[FigureSource]] = WeakSet()
