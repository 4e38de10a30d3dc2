from typing import Self

from perfkit._span_observers import add_observer


class SpanCounter:
    """Remembers what is counted of spans, in place of the metrics."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, float]] = []

    @classmethod
    def added(cls) -> Self:
        """One that is told from now on, as long as the test keeps it."""
        counter = cls()
        add_observer(counter)
        return counter

    def observe_span(self, name: str, seconds: float) -> None:
        self.counted.append((name, seconds))

    def seconds(self) -> list[float]:
        return [seconds for _, seconds in self.counted]
