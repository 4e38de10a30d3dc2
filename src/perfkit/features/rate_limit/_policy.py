"""The policy: what is counted, how, and how much of it is allowed."""

from __future__ import annotations

import re
from dataclasses import KW_ONLY, dataclass
from typing import Final, Literal, TypeAlias

from perfkit.features.rate_limit._rates import MAX_QUOTA, MAX_WINDOW, Concurrency, Limit
from perfkit.options import BadOption

Algorithm: TypeAlias = Literal["sliding", "gcra", "concurrent"]

# Units a second. At more, what decisions look ahead would come near one unit.
MAX_GCRA_RATE: Final = 100_000

# What a String of a header can hold (RFC 9651 section 3.3.3).
_NAME: Final = re.compile(r"[ -~]+")


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """What is counted, how, and how much of it is allowed. Each is one of its own: two alike count apart.

    Attributes:
        name: its name in headers, messages and metrics: printable ASCII.
        quota: units allowed in a window, or at the same time where the algorithm is ``"concurrent"``.
        window: seconds; 0 where the algorithm is ``"concurrent"``.
        algorithm: ``"sliding"``, the sliding-window counter: what was taken in the window before counts as far as that
            window still reaches into the last `window` seconds. ``"gcra"``, the generic cell rate algorithm (ITU-T
            I.371): a bucket of `burst` units that refills evenly. ``"concurrent"``: what is in flight.
        burst: ``"gcra"`` only: units that may be taken at once; the quota by default.
        unit: what is counted, for headers: ``"requests"``, ``"content-bytes"``, ``"tokens"``.
        jitter: ``"sliding"`` only: whether windows of different keys begin at different times (in 64 steps), so that
            clients that wait for a new window do not come all at once (draft-ietf-httpapi-ratelimit-headers, on
            resource exhaustion).
        refunded: whether units are given back all the time, as those of responses that do not count.

    Raises:
        BadOption: the values do not fit.
    """

    name: str
    quota: int
    window: int
    algorithm: Algorithm = "sliding"
    _: KW_ONLY
    burst: int | None = None
    unit: str = "requests"
    jitter: bool = True
    refunded: bool = False

    @classmethod
    def of(
        cls,
        name: str,
        limit: Limit,
        algorithm: Literal["sliding", "gcra"] = "sliding",
        *,
        burst: int | None = None,
        unit: str = "requests",
        jitter: bool = True,
        refunded: bool = False,
    ) -> Policy:
        """The policy of a parsed limit; one of concurrent requests has an algorithm of its own."""
        if isinstance(limit, Concurrency):
            return cls(name, limit.quota, 0, "concurrent", burst=burst, unit=unit, jitter=jitter)
        return cls(name, limit.quota, limit.window, algorithm, burst=burst, unit=unit, jitter=jitter, refunded=refunded)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BadOption("name", f"{self.name!r} is not printable ASCII", "write for example 'login'")
        if not 1 <= self.quota <= MAX_QUOTA:
            raise BadOption("limits", f"a quota of {self.quota} cannot be kept", f"write 1 to {MAX_QUOTA}")
        shortest, longest = (0, 0) if self.algorithm == "concurrent" else (1, MAX_WINDOW)
        if not shortest <= self.window <= longest:
            raise BadOption("limits", f"a window of {self.window} s cannot be kept", f"write {shortest} to {longest} s")
        if self.burst is not None and not (self.algorithm == "gcra" and 1 <= self.burst <= MAX_QUOTA):
            problem = f"{self.burst} is not a burst" if self.algorithm == "gcra" else f"{self.algorithm} has no burst"
            raise BadOption("burst", problem, "write a number from 1 up, with algorithm = 'gcra'")
        if self.algorithm == "gcra" and self.quota > MAX_GCRA_RATE * self.window:
            mend = f"count in a larger unit, or write algorithm = 'sliding', which takes more than {MAX_GCRA_RATE}/s"
            raise BadOption("limits", f"{self.quota} in {self.window} s is too fast for 'gcra'", mend)
        if self.algorithm == "gcra" and self.capacity * self.window > MAX_WINDOW * self.quota:
            # Moments so far ahead have no microseconds any more.
            problem = f"a bucket of {self.capacity} takes more than {MAX_WINDOW} s to refill"
            mend = "write a smaller one, or allow more in the time"
            raise BadOption("burst" if self.burst else "limits", problem, mend)

    @property
    def capacity(self) -> int:
        """The most that is ever admitted at once; a request that costs more never is."""
        return self.quota if self.burst is None else self.burst
