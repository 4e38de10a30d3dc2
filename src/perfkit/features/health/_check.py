"""One check: how it stands, and the one run of it that may be under way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from inspect import iscoroutinefunction
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from perfkit.features.health._result import Outcome, failed
from perfkit.features.health._run import Run

logger = logging.getLogger("perfkit")


class Verdict(NamedTuple):
    """How a check stood at some time.

    Attributes:
        outcome: what it came to.
        seconds: how long it took.
        at: when it was known, in seconds of `time.monotonic`.
    """

    outcome: Outcome
    seconds: float
    at: float

    @property
    def age(self) -> float:
        """Seconds since then."""
        return monotonic() - self.at


class Check:
    """One check. At most one run of it is under way, however many ask, and however long that hangs.

    Args:
        name: in answers and logs.
        function: what is called, without arguments.
        timeout: seconds after which it counts as failed.
        every: seconds for which its verdict holds.
        required: whether the process is ready only if it passes.
        secrets: texts that what it raises must not show.

    Attributes:
        verdict: how it stood last; None before the first run.
        is_async: whether it is to be awaited.
    """

    def __init__(
        self,
        name: str,
        function: Callable[[], Any],
        *,
        timeout: float,
        every: float,
        required: bool,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.function = function
        self.timeout = timeout
        self.required = required
        # An object's own function may be one, too.
        self.is_async = any(map(iscoroutinefunction, (function, getattr(function, "__call__", None))))  # noqa: B004
        self.verdict: Verdict | None = None
        self._every = every
        self._secrets = secrets
        self._lock = Lock()
        self._run: Run | None = None

    @property
    def holds(self) -> bool:
        """Whether the verdict is young enough to be told again."""
        verdict = self.verdict
        return verdict is not None and verdict.age < self._every

    @property
    def late(self) -> Outcome:
        """What a run comes to that takes too long."""
        return Outcome("fail", f"no answer in {self.timeout:g} s")

    def begin(self, start: Callable[[Check, Run], None]) -> Run | None:
        """The run to wait for, started if none is under way; None where the verdict is known."""
        run, is_new = self._current()
        if run is None:
            return None
        if is_new:
            start(self, run)
        elif run.remaining <= 0:
            # It hangs. A second one would hang as well, and take one more thread each time somebody asks.
            self.give_up(run)
            return None
        return run

    def _current(self) -> tuple[Run | None, bool]:
        """The run under way, and whether it is still to be started; none where the verdict holds."""
        with self._lock:
            run = self._run
            if run is not None and not run.lost:
                return run, False
            if self.holds:
                return None, False
            run = self._run = Run(self.timeout)
            return run, True

    def end(self, run: Run, outcome: Outcome) -> None:
        """Take what a run came to; that of one which was given up is too old to tell anything."""
        with self._lock:
            before = self.verdict
            concluded = self._run is run and not run.expired
            if self._run is run:
                self._run = None
            if concluded:
                now = monotonic()
                self.verdict = Verdict(outcome, now - run.started, now)
        run.end()
        if concluded:
            self._tell(before, outcome)

    def end_with(self, run: Run, error: BaseException) -> None:
        """Take what a run raised."""
        self.end(run, failed(error, self._secrets))

    def give_up(self, run: Run) -> None:
        """Wait no longer for a run."""
        with self._lock:
            if self._run is not run:  # it ended at the last moment
                return
            before = self.verdict
            run.expired = True
            self.verdict = Verdict(self.late, self.timeout, run.deadline)
        self._tell(before, self.late)

    def _tell(self, before: Verdict | None, now: Outcome) -> None:
        """Log where it stands otherwise than before."""
        if now.status == ("pass" if before is None else before.outcome.status):
            return
        if now.status == "pass":
            logger.info("health: the check %r passes again", self.name)
            return
        said = ": ".join(text for text in (now.output, now.message) if text)
        word = "fails" if now.status == "fail" else "warns"
        logger.warning("health: the check %r %s%s", self.name, word, f": {said}" if said else "")
