"""Requests that do not count."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeAlias

from perfkit.exchange import Exchange
from perfkit.features.rate_limit._match import Exempt, conditions
from perfkit.features.rate_limit._steps import Steps, result_of

logger = logging.getLogger("perfkit")

# Is told that a function of the application failed: the option, the error, and what becomes of the request.
Failed: TypeAlias = Callable[[str, Exception, str], None]


class Exemptions:
    """Requests that do not count.

    Attributes:
        each: conditions, and a function of the application or None.
        plain: whether there are none.
        asks: whether functions have a say.
    """

    def __init__(self, matches: Sequence[Exempt]) -> None:
        self.each = tuple((conditions(match), match.when) for match in matches)
        self.plain = not self.each
        self.asks = any(when is not None for _, when in self.each)
        self._reported = False

    def fit(self, exchange: Exchange) -> bool:
        """Whether one fits, apart from those with functions."""
        return any(when is None and all(fits(exchange) for fits in found) for found, when in self.each)

    def ask(self, exchange: Exchange, failed: Failed) -> Steps[bool]:
        """Whether one fits."""
        for found, when in self.each:
            if not all(fits(exchange) for fits in found):
                continue
            if when is None:
                return True
            try:
                if (yield from result_of(when(exchange))):
                    return True
            except Exception as error:  # noqa: BLE001 - it is reported
                failed("when", error, "the request counts")
        return False

    def failed(self, option: str, error: Exception, what_then: str) -> None:
        """Say once that a function of the section failed; rules have words of their own for that."""
        if not self._reported:
            self._reported = True
            logger.error("rate_limit.exempt: the function %s failed, so %s", option, what_then, exc_info=error)
