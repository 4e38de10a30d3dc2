"""What can be seen at start-up that will not work as it is meant."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from perfkit._workers import workers
from perfkit.exchange import Exchange
from perfkit.features.rate_limit._options import MEMORY, RateLimitOptions
from perfkit.features.rate_limit._rules import Counted

logger = logging.getLogger("perfkit")


def doubts(
    options: RateLimitOptions, environ: Mapping[str, str] = os.environ, arguments: Sequence[str] | None = None
) -> Iterator[str]:
    """What to warn of."""
    if options.store == MEMORY and options.rules:
        count = workers(environ, sys.argv if arguments is None else arguments)
        if count > 1:
            yield (
                f"there are {count} worker processes, and each counts for itself, so that clients get up to {count}"
                " times what the rules allow: set rate_limit.store to a store that they share, as"
                " 'redis://localhost:6379/0'"
            )
    if options.count_preflight:
        yield (
            "CORS preflights count, which browsers send by themselves: a page is then refused for requests that it"
            " never made. Leave count_preflight out unless they cost you something"
        )


def doubt_name(rule: Counted, others: Iterable[Counted]) -> None:
    """Warn of the rule of a view that has the name of another: by their names, shared stores know rules."""
    if any(rule.name == other.name for other in others):
        logger.warning(
            "rate_limit: two rules are called %r, one of them of a view: they count together in a shared store, and"
            " apart in this process. Give each a name of its own.",
            rule.name,
        )


# Requests without a user after which it is said that there never is one.
WITHOUT_USER: Final = 100


class Watch:
    """Looks whether rules that depend on the route or the user can ever count; says once if not."""

    def __init__(self, rules: Iterable[Counted]) -> None:
        self._by_user = [rule.name for rule in rules if rule.partition.by_user]
        self._by_route = [rule.name for rule in rules if rule.route is not None]
        self._left = WITHOUT_USER if self._by_user else 0

    def look(self, exchange: Exchange) -> None:
        """Look at one request."""
        if self._by_route and not exchange.asks_views:
            logger.warning(
                "rate_limit: the rules %s are for routes, which this host does not tell: they count nothing. Write a"
                " path, or decorate the view with rate_limit of perfkit.starlette or perfkit.flask.",
                self._by_route,
            )
            self._by_route = []
        if self._left > 0:
            self._left = 0 if exchange.user is not None else self._left - 1
            if self._left == 0 and exchange.user is None:
                logger.warning(
                    "rate_limit: the rules %s count by user, but none of %d requests had one, so that addresses"
                    " counted. Authentication has to be further out than perfkit on ASGI and WSGI, and set"
                    " scope['user'] or REMOTE_USER; or write a function as the key.",
                    self._by_user,
                    WITHOUT_USER,
                )
