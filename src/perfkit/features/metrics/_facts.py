"""Counts what other features tell of an exchange by its facts. None of them is imported: a fact may be anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from perfkit.features.metrics._cells import Distribution, Number
from perfkit.features.metrics._families import Family
from perfkit.features.metrics._labels import clean

# How many combinations of facts are remembered with their series.
MAX_KNOWN: Final = 2000


# The facts of compression, of conditional requests and of the rate limit; and how many queries there were, with their
# seconds.
Told: TypeAlias = tuple[Any, Any, Any, tuple[float, float] | None]


def told(facts: Mapping[str, Any]) -> Told:
    """What the facts of an exchange that has ended tell. Nothing of it leads back to the exchange."""
    get = facts.get
    queries = get("queries")
    counted = None if queries is None else (getattr(queries, "count", 0), getattr(queries, "seconds", 0.0))
    return get("compression"), get("conditional"), get("rate_limit"), counted


class FactFamilies(NamedTuple):
    """The metrics that are made of facts."""

    rate_limit: Family[Number]
    compression: Family[Number]
    input_bytes: Family[Number]
    output_bytes: Family[Number]
    conditional: Family[Number]
    query_count: Family[Distribution]
    query_duration: Family[Distribution]


class Tally(NamedTuple):
    """Where exchanges with the same facts are counted.

    Attributes:
        counters: count the exchanges.
        sizes: the two that count bytes before and after compression; empty where there was none.
    """

    counters: tuple[Number, ...]
    sizes: tuple[Number, ...]


class Facts:
    """Counts the facts of exchanges. For use with the lock held.

    Args:
        families: where they are counted.
    """

    def __init__(self, families: FactFamilies) -> None:
        self._families = families
        self._known: dict[object, Tally] = {}

    def count(self, told: Told, route: str) -> None:
        """Count what was told of one exchange."""
        compression, conditional, rate_limit, queries = told
        coding = getattr(compression, "coding", None)
        key = (coding, getattr(compression, "reason", None), conditional, rate_limit)
        tally = self._known.get(key) or self._tally(key)
        for counter in tally.counters:
            counter.inc(1)
        if tally.sizes:
            before, after = tally.sizes
            before.inc(compression.before)
            after.inc(compression.after)
        if queries is not None:
            count, seconds = queries
            self._families.query_count.cell((route,)).observe(count)
            self._families.query_duration.cell((route,)).observe(max(seconds, 0.0))

    def _tally(self, key: tuple[Any, ...]) -> Tally:
        families = self._families
        coding = key[0]
        counted = list(self._find(*key))
        sized = []
        if coding is not None:
            sized = [family.found((clean(coding),)) for family in (families.input_bytes, families.output_bytes)]
        tally = Tally(tuple([cell for cell, _ in counted]), tuple([cell for cell, _ in sized]))
        if len(self._known) < MAX_KNOWN and all(own for _, own in counted + sized):
            self._known[key] = tally
        return tally

    def _find(self, coding: Any, reason: Any, conditional: Any, rate_limit: Any) -> Iterator[tuple[Number, bool]]:
        if coding is not None or reason is not None:
            yield self._families.compression.found((clean(coding), clean(reason)))
        if conditional is not None:
            yield self._families.conditional.found((clean(conditional),))
        if rate_limit is not None:
            for rule, outcome in decisions(rate_limit):
                yield self._families.rate_limit.found((clean(rule), clean(outcome)))


def decisions(outcome: Any) -> Iterator[tuple[str, str]]:
    """What each rule said of a request: pairs of its name and ``"allowed"``, ``"refused"``, ``"shadow"``, and so on.

    Of a request that is refused, the rules count that refused it: the others have taken nothing. What no rule said has
    no name: that a request is exempt, and that a store did not answer.
    """
    result: str = outcome.result
    shadow = outcome.shadow
    rules = outcome.rules if result == "allowed" else outcome.refused
    yield from ((rule, result) for rule in rules if rule not in shadow)
    yield from ((rule, "shadow") for rule in shadow)
    if not rules and not shadow:
        yield "", result
    if outcome.store_error:
        yield "", "store_error"
