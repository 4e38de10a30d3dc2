"""Whether a page of another origin can read why it is refused (CORS)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Final

from perfkit.exchange import Exchange, HeaderName
from perfkit.features.rate_limit._match import ORIGIN

logger = logging.getLogger("perfkit")

ALLOW_ORIGIN: Final = HeaderName("Access-Control-Allow-Origin")
# Responses to other origins that are looked at.
LOOKED_AT: Final = 100


class CorsWatch:
    """Says once if refusals lack the headers that let pages read them.

    It looks only after a page was refused, and then at what the application answers to pages: where that has the
    headers when it comes to us, what we answer in its place does not get them.

    Args:
        rules: names of those that refuse before the application is asked.
        changed: is called when `looks` is another.

    Attributes:
        looks: whether it is to see responses.
    """

    def __init__(self, rules: Sequence[str], changed: Callable[[], None]) -> None:
        self._rules = list(rules)
        self._changed = changed
        self._left = LOOKED_AT if rules else 0
        self.looks = False

    def refused(self, exchange: Exchange) -> None:
        """A request was refused."""
        if self._left and not self.looks and exchange.request_header(ORIGIN) is not None:
            self.looks = True
            self._changed()

    def look(self, exchange: Exchange) -> None:
        """Look at a response of the application."""
        if exchange.request_header(ORIGIN) is None:
            return
        self._left -= 1
        if exchange.has_response_header(ALLOW_ORIGIN):
            self._left = 0
            logger.warning(
                "rate_limit: pages of other origins cannot read why the rules %s refuse them, as CORS headers are added"
                " further in than perfkit. Put the CORS middleware outside of perfkit, or limit views.",
                self._rules,
            )
        if self._left <= 0:
            self.looks = False
            self._changed()
