class Clock:
    """A clock that goes on only when told to."""

    def __init__(self) -> None:
        self.nanoseconds = 1_000_000_000

    def advance(self, milliseconds: float) -> None:
        self.nanoseconds += round(milliseconds * 1_000_000)

    def seconds(self) -> float:
        return self.nanoseconds / 1e9
