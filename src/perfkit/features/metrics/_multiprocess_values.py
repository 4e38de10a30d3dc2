"""How the values of several processes become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias, TypeVar

# A value with the time it was set at; that is 0 but for gauges of the mode "mostrecent".
Stamped: TypeAlias = tuple[float, float]
K = TypeVar("K")


def combine(kind: str, values: dict[K, Stamped], entries: Iterable[tuple[K, float, float]]) -> None:
    """Add entries (key, value and time) of one kind to values by key.

    Args:
        kind: ``counter``, ``histogram``, ``summary``, or ``gauge_`` with the mode.
        values: by key; changed.
        entries: what to add.
    """
    join = _JOINS.get(kind.removeprefix("gauge_").removeprefix("live"))
    for key, value, stamp in entries:
        known = values.get(key)
        if known is None:
            values[key] = (value, stamp)
        elif join is None:
            values[key] = (known[0] + value, 0.0)
        else:
            values[key] = join(known, (value, stamp))


def _later(one: Stamped, other: Stamped) -> Stamped:
    return other if other[1] > one[1] else one


# All other kinds are added up.
_JOINS: Final[Mapping[str, Callable[[Stamped, Stamped], Stamped]]] = {"max": max, "min": min, "mostrecent": _later}
