"""Who is told how long each piece of work took: the metrics of this process, if there are any."""

from __future__ import annotations

import logging
from threading import Lock
from typing import Final, Protocol
from weakref import ref

logger = logging.getLogger("perfkit")


class SpanObserver(Protocol):
    """Something that counts pieces of work, from any thread."""

    def observe_span(self, name: str, seconds: float, /) -> object: ...


_observers: tuple[ref[SpanObserver], ...] = ()
_adding: Final = Lock()
_failed = False


def add_observer(observer: SpanObserver) -> None:
    """Tell this one too from now on, for as long as something else keeps it: it is not kept here."""
    global _observers  # noqa: PLW0603 - a tuple, so that whoever goes over it needs no lock
    with _adding:
        others = [each for each in _observers if each() is not None and each() is not observer]
        _observers = (*others, ref(observer))


def tell(name: str, seconds: float) -> None:
    """Tell all of one piece of work. An error of theirs never reaches the work; the first is logged."""
    global _failed  # noqa: PLW0603
    for reference in _observers:
        observer = reference()
        if observer is None:
            continue
        try:
            observer.observe_span(name, seconds)
        except Exception:
            if not _failed:
                _failed = True
                logger.exception("a span could not be counted; later errors of this kind are not logged")
