"""How much memory Python takes for each of many names, counted exactly."""

from __future__ import annotations

import gc
import tracemalloc

from benchmarks.model import Answer, Variant


class Traced:
    """A variant whose `build` gives what makes a function that keeps something of each name in a list.

    What that is made of when it knows no name yet does not count.

    Args:
        variant: the variant.
        names: the names.
    """

    def __init__(self, variant: Variant, names: list[str]) -> None:
        self._make = variant.build()
        self._names = names

    def answer(self) -> Answer:
        self._make()(self._names[:1])
        return Answer(200, (), b"")

    def measure(self) -> float:
        first, *others = self._names
        add = self._make()
        add([first])  # what is made on first use
        gc.collect()
        tracemalloc.start()
        try:
            add(others)
            gc.collect()
            return tracemalloc.get_traced_memory()[0] / len(others)
        finally:
            tracemalloc.stop()

    def garbage(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held."""
