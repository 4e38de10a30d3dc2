"""What a shared store has refused a moment ago, so that it need not be asked the same again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, NamedTuple

from perfkit.features.rate_limit._decision import AHEAD, Decision
from perfkit.features.rate_limit._memory import Hit

# Questions that are kept: 3 MB. Beyond, all are forgotten: that costs a round trip each, and nothing else.
MOST: Final = 4096


class Refused(NamedTuple):
    """A question that was refused.

    Attributes:
        hits: the question; empty where the key has changed since.
        decisions: the answer.
        at: when it was asked, or when the key changed.
        until: until when it is refused.
    """

    hits: tuple[Hit, ...]
    decisions: Sequence[Decision]
    at: float
    until: float


class Refusals:
    """Repeats refusals while they hold, as whoever is refused often goes on asking.

    What is refused stays so for the time that the store has named: others can take more meanwhile, and make it longer.
    Only what is given back makes it shorter. So nothing is repeated of policies that give back all the time
    (`Policy.refunded`, and what is in flight), nor of a key that this process has changed. What another process gives
    back, or the command resets, counts after `seconds` at the latest.

    Safe for threads without a lock: each step is one of a dict.

    Args:
        seconds: the longest time for which a refusal is repeated; 0 for none.
        clock: seconds, never going back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        # By the key of a policy that refuses.
        self._known: dict[int, Refused] = {}

    def find(self, hits: Sequence[Hit]) -> list[Decision] | None:
        """What the store would say, where that is known to be no."""
        if not self._known:
            return None
        for _, key, _ in hits:
            known = self._known.get(key)
            if known is not None and known.hits == tuple(hits):
                now = self._clock()
                return _later(known.decisions, now - known.at) if now < known.until else None
        return None

    def note(self, hits: Sequence[Hit], decisions: Sequence[Decision], at: float) -> None:
        """Note an answer of the store to a question that was asked at that time."""
        refused = [(hit, decision) for hit, decision in zip(hits, decisions, strict=True) if not decision.allowed]
        if not refused or not self._seconds:
            return
        if any(policy.refunded or policy.algorithm == "concurrent" for (policy, _, _), _ in refused):
            return
        key = refused[0][0][1]
        known = self._known.get(key)
        if known is not None and not known.hits and known.at >= at:
            return
        # The store decides for a time ahead of its own, and so admits as much earlier.
        wait = min(decision.retry_after for _, decision in refused) - 2 * AHEAD
        self._keep(key, Refused(tuple(hits), decisions, at, at + min(wait, self._seconds)))

    def changed(self, key: int) -> None:
        """Forget what is known of a key, and what is asked of it at the moment."""
        if self._seconds:
            self._keep(key, Refused((), (), self._clock(), 0.0))

    def _keep(self, key: int, refused: Refused) -> None:
        if len(self._known) >= MOST:
            self._known = {}
        self._known[key] = refused


def _later(decisions: Sequence[Decision], seconds: float) -> list[Decision]:
    """The same answer some time later."""
    return [
        Decision(allowed, remaining, max(reset_after - seconds, 0.0), max(retry_after - seconds, 0.0))
        for allowed, remaining, reset_after, retry_after in decisions
    ]
