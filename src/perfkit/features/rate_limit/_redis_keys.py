"""The keys of a namespace on Redis, as ``perfkit limits`` shows and removes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

# Keys that SCAN looks at in one step, and that are removed in one: Redis does nothing else meanwhile.
STEP: Final = 1000


class Stored(NamedTuple):
    """A key as it is on the server.

    Attributes:
        name: the whole of it.
        policy: the policy's name.
        algorithm: how it counts.
        window: seconds.
        key: the number from `Keys`, in hexadecimal.
    """

    name: str
    policy: str
    algorithm: str
    window: int
    key: str


class Keyspace:
    """What a namespace has stored.

    Args:
        client: a client of redis-py.
        prefix: what the keys begin with.
    """

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def __iter__(self) -> Iterator[Stored]:
        """All keys, without holding the server up. Those that come and go meanwhile may be missing or there twice."""
        for name in self._client.scan_iter(match=_escaped(self._prefix) + "*", count=STEP):
            text = _text(name)
            policy, counting, key = text.removeprefix(self._prefix).rsplit(":", 2)
            algorithm, _, window = counting.partition("-")
            yield Stored(text, policy, algorithm, int(window), key)

    def standing(self, stored: Stored) -> str:
        """How a key stands, in words."""
        seconds = max(self._client.pttl(stored.name), 0) / 1000
        if stored.algorithm == "concurrent":
            in_flight = -int(self._client.zscore(stored.name, "") or 0)
            return f"{in_flight} in flight; free in {seconds:.0f} s if nobody renews them"
        if stored.algorithm == "gcra":
            return f"the whole quota is free in {seconds:.0f} s"
        _, current, previous, *_ = [*_text(self._client.get(stored.name) or b"").split(), "0", "0", "0"]
        return f"{current} taken, and {previous} in the window before; forgotten in {seconds:.0f} s"

    def remove(self, names: Iterable[str]) -> int:
        """Remove keys; gives how many there were."""
        return sum(self._client.unlink(*some) for some in _in_steps(names))


def _in_steps(names: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for name in names:
        some.append(name)
        if len(some) == STEP:
            yield some
            some = []
    if some:
        yield some


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _escaped(text: str) -> str:
    """The text as a pattern that only fits itself."""
    return "".join(f"\\{character}" if character in "*?[]\\^" else character for character in text)
