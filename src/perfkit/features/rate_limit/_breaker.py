"""The circuit breaker: a store that does not answer is left alone for a while."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from time import monotonic

logger = logging.getLogger("perfkit")


class Breaker:
    """Says whether a store is to be asked.

    After so many failures in a row it is not, for a time; then one request asks it, and the others wait for what that
    one learns. Failures that overlap are one: a hundred requests that wait for the same late answer are no hundred
    reasons to give the store up.

    Args:
        name: of the store, for the log: without a password.
        failures: in a row, until the store is left alone.
        pause: seconds for which it is.
        clock: seconds, never going back.

    Attributes:
        errors: how often the store was asked and did not answer.
        skipped: how often it was not asked.
        openings: how often it was given up.
    """

    def __init__(self, name: str, failures: int, pause: float, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._most = failures
        self._pause = pause
        self._clock = clock
        self._lock = Lock()
        self._failed = 0
        self._failed_at = clock()
        # When to ask again; None while all is well.
        self._again_at: float | None = None
        self.errors = self.skipped = self.openings = 0

    @property
    def is_open(self) -> bool:
        """Whether the store is left alone."""
        return self._again_at is not None

    def admits(self) -> bool:
        """Whether to ask the store now. Where the answer is yes, say afterwards how it went."""
        if not self.is_open:
            return True
        with self._lock:
            if self._again_at is None:
                return True
            now = self._clock()
            if now < self._again_at:
                self.skipped += 1
                return False
            # This request looks; if it is cancelled and never says what it saw, the next one does after a pause.
            self._again_at = now + self._pause
            return True

    def started(self) -> float:
        """The time, to be given to `failed`."""
        return self._clock()

    def succeeded(self) -> None:
        """The store has answered."""
        if not self._failed:
            return
        with self._lock:
            self._failed = 0
            was_open, self._again_at = self._again_at is not None, None
        if was_open:
            logger.warning("The rate limit store %s answers again.", self._name)

    def failed(self, started: float, error: BaseException) -> None:
        """The store has not answered a question asked at that time."""
        with self._lock:
            self.errors += 1
            if started < self._failed_at and self._failed:
                return
            now = self._failed_at = self._clock()
            self._failed += 1
            if self._failed < self._most:
                return
            was_open, self._again_at = self._again_at is not None, now + self._pause
            self.openings += not was_open
        if not was_open:
            logger.warning(
                "The rate limit store %s does not answer (%s: %s). It is asked again every %g s; until then each rule "
                "goes on as its on_error says.",
                self._name,
                type(error).__name__,
                error,
                self._pause,
            )

    def forked(self) -> None:
        """Go on in a child, where the thread that held the lock is not."""
        self._lock = Lock()
