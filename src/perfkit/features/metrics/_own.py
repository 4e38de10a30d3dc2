"""What functions of the application say of an exchange. One that fails is logged once, and changes nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import time
from typing import Any, Final

from perfkit.exchange import Exchange
from perfkit.features.metrics._cells import Exemplar
from perfkit.features.metrics._labels import clean

logger = logging.getLogger("perfkit")

TRACE_ID: Final = "trace_id"
# The names and values of an exemplar have at most 128 characters together (OpenMetrics 1.0, "Exemplars").
MAX_TRACE_ID: Final = 128 - len(TRACE_ID)


class Own:
    """Asks the functions of the options ``labels`` and ``exemplar``."""

    def __init__(self, labels: Mapping[str, Callable[[Exchange], Any]], exemplar: Callable[[Exchange], Any] | None):
        self._labels = tuple((f"labels.{name}", function) for name, function in labels.items())
        self._exemplar = exemplar
        self._reported: set[str] = set()

    def labels(self, exchange: Exchange) -> tuple[str, ...]:
        """The values of the labels; that of a function that fails is empty."""
        return tuple([self._ask(option, function, exchange) for option, function in self._labels])

    def exemplar(self, exchange: Exchange) -> Exemplar | None:
        """The exemplar of a request that ends now, if there is one."""
        trace_id = "" if self._exemplar is None else self._ask("exemplar", self._exemplar, exchange)
        return ({TRACE_ID: trace_id[:MAX_TRACE_ID]}, time()) if trace_id else None

    def _ask(self, option: str, function: Callable[[Exchange], Any], exchange: Exchange) -> str:
        try:
            return clean(function(exchange))
        except Exception:
            if option not in self._reported:
                self._reported.add(option)
                logger.exception("metrics.%s failed; later errors of it are not logged", option)
            return ""
