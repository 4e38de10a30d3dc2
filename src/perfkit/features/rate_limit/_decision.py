"""What a policy says of one request."""

from __future__ import annotations

from math import ceil, isinf
from typing import Final, NamedTuple

# Every decision is made for the time this much ahead, in seconds: it makes up for the rounding of floats, so that a
# client that waits exactly as long as it was told is admitted. It is more than the spacing of floats in ten years,
# 6e-8, as some roundings add up; and less than anybody can use: a client gains it once, not with every request.
AHEAD: Final = 1e-6


class Decision(NamedTuple):
    """What a policy says of one request.

    Attributes:
        allowed: whether the policy admits it.
        remaining: whole units that are left: after this request where it was admitted, else as they stand. At least 0.
        reset_after: seconds until the whole quota is free again, if nothing more is taken. For a sliding window that is
            up to two windows; for one of requests in flight, 0, since nobody knows.
        retry_after: seconds until a request of the same cost is admitted, if nobody else takes; 0 where it was
            admitted, infinity where it never will be, since it costs more than the policy ever allows at once.
    """

    allowed: bool
    remaining: int
    reset_after: float
    retry_after: float


# Makes a decision of a tuple in half the time that calling the class takes.
decided: Final = tuple.__new__


def whole_seconds(seconds: float) -> int | None:
    """The seconds rounded up, as a header says them; None for infinity.

    A client that waits so long is admitted: what this rounds down is below what decisions look ahead.
    """
    return None if isinf(seconds) else max(ceil(seconds - AHEAD), 0)
