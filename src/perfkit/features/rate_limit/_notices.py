"""What those who run the application are told of refusals: lines of the log, and the function ``on_refused``."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from itertools import count
from time import monotonic
from typing import Any, Final

from perfkit.exchange import Exchange
from perfkit.features.rate_limit._answers import Refusal

# INFO, since a limit that refuses does what it is there for.
refusals = logging.getLogger("perfkit.rate_limit")
logger = logging.getLogger("perfkit")

# Lines a second. Whoever sends too many requests should not fill the log as well.
LINES: Final = 10


class Notices:
    """Tells of refusals, also of those that a rule in shadow mode would have made. Never of keys.

    Without a lock, which a fork could leave held: threads that come at the same moment may write a line too many.

    Args:
        function: the option ``on_refused``.
        clock: seconds, never going back.
    """

    def __init__(self, function: Callable[..., object] | None, clock: Callable[[], float] = monotonic) -> None:
        self._function = function
        self._clock = clock
        self._failed = False
        self._numbers = count(1)
        self._last = 0
        self._times = deque[float](maxlen=LINES)

    def tell(self, exchange: Exchange, refusal: Refusal) -> None:
        """Tell of one refusal."""
        if refusals.isEnabledFor(logging.INFO):
            self._log(refusal)
        if self._function is not None:
            try:
                self._function(exchange, refusal)
            except Exception:
                if not self._failed:
                    self._failed = True
                    logger.exception("rate_limit.on_refused failed; later errors of it are not logged")

    def _log(self, refusal: Refusal) -> None:
        number, now = next(self._numbers), self._clock()
        if len(self._times) == LINES and now - self._times[0] < 1:
            return
        self._times.append(now)
        left_out, self._last = max(number - self._last - 1, 0), number
        told: dict[str, Any] = {**refusal._asdict(), "left_out": left_out}
        refusals.info(
            "%s: rules %s, policies %s, status %d, %s%s",
            f"{refusal.kind}, in shadow mode" if refusal.shadow else refusal.kind,
            ", ".join(refusal.rules),
            ", ".join(refusal.policies),
            refusal.status,
            "no use to retry" if refusal.retry_after is None else f"retry after {refusal.retry_after} s",
            f"; {left_out} refusals before were not logged" if left_out else "",
            extra={"rate_limit": told},
        )
