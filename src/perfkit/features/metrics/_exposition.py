"""The answer to a scrape: the metrics as text, for those who may see internals.

Sources: Prometheus, "Exposition formats"; OpenMetrics 1.0.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qs

from perfkit import _workers
from perfkit.errors import ConfigurationError
from perfkit.exchange import CONTENT_TYPE, Exchange, HeaderName, Reply
from perfkit.feature import Pending
from perfkit.features.metrics._exposition_formats import chosen, takes_gzip
from perfkit.features.metrics._exposition_rendering import Rendering
from perfkit.features.metrics._exposition_turns import TURNS
from perfkit.features.metrics._multiprocess_files import VARIABLE, MultiprocessFiles, multiprocess_directory

logger = logging.getLogger("perfkit")

ACCEPT: Final = HeaderName("Accept")
ACCEPT_ENCODING: Final = HeaderName("Accept-Encoding")
ALLOW: Final = HeaderName("Allow")
RETRY_AFTER: Final = HeaderName("Retry-After")
# What Prometheus sends with each scrape, and scanners do not.
SCRAPE_TIMEOUT: Final = HeaderName("X-Prometheus-Scrape-Timeout-Seconds")

METHODS: Final = ("GET", "HEAD")
# Seconds a scrape is waited for; Prometheus itself waits 10 unless told otherwise.
WAIT: Final = 60.0
PLAIN: Final = {CONTENT_TYPE: "text/plain; charset=utf-8"}
BUSY: Final = Reply(503, {**PLAIN, RETRY_AFTER: "60"}, b"The metrics take too long.\n")
READ_ONLY: Final = Reply(405, {**PLAIN, ALLOW: "GET, HEAD"}, b"Metrics are only read.\n")
TOO_MANY_NAMES: Final = Reply(400, PLAIN, b"There are too many names.\n")
# Names in a query; more than any program asks for.
MAX_NAMES: Final = 1000


class Exposition:
    """Shows the metrics of a registry.

    Where several processes count together (the environment variable PROMETHEUS_MULTIPROC_DIR), it shows what all of
    them have counted, and nothing of the registry.

    Args:
        registry: a registry of prometheus-client; by default its global one.

    Raises:
        ConfigurationError: prometheus-client is not installed, or the directory of the processes cannot be used.
    """

    def __init__(self, registry: Any = None) -> None:
        self._warned = self._refused = False
        try:
            import prometheus_client
        except ImportError:
            problem = "the package prometheus-client is not installed"
            raise ConfigurationError("metrics", problem, "run: pip install 'perfkit[metrics]'") from None
        directory = multiprocess_directory()
        self._alone = directory is None
        if directory is not None:
            from perfkit.features.metrics._multiprocess_collector import MultiprocessCollector

            registry = MultiprocessCollector(MultiprocessFiles(directory))
        self._rendering = Rendering(prometheus_client.REGISTRY if registry is None else registry)

    def reply(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        """The answer to a request for the metrics; None for a client that may not see them."""
        if not exchange.internal:
            self._tell_of_refusal(exchange)
            return None
        if exchange.method not in METHODS:
            return READ_ONLY
        self._look_for_others()
        query = exchange.target.partition("?")[2]
        try:
            names = frozenset(parse_qs(query, max_num_fields=MAX_NAMES).get("name[]", ()))
        except ValueError:
            return TOO_MANY_NAMES
        words = chosen(exchange.request_header(ACCEPT) or "")
        gzip = takes_gzip(exchange.request_header(ACCEPT_ENCODING) or "")
        work = partial(self._rendering.reply, words, names, gzip=gzip)
        return _unless_busy(TURNS.ask((self, words, names, gzip), work, WAIT))

    def _tell_of_refusal(self, exchange: Exchange) -> None:
        if not self._refused and exchange.request_header(SCRAPE_TIMEOUT) is not None:
            self._refused = True
            logger.warning(
                "metrics: Prometheus asked for them and may not see them. If it is yours, set internal.networks to the"
                " network it is in, or internal.token to the bearer token it sends. (Said once.)"
            )

    def _look_for_others(self) -> None:
        """Look whether other processes count for themselves; at a scrape, since only now all of them run."""
        if self._warned or not self._alone:
            return
        self._warned = True
        count = _workers.seen_now()
        if count > 1:
            logger.warning(
                "metrics: there are %d worker processes, and each shows only what it counted itself, so that totals"
                " jump from scrape to scrape. Set %s to a directory that they share. (Said once.)",
                count,
                VARIABLE,
            )


def _unless_busy(pending: Pending[Reply]) -> Pending[Reply | None]:
    """The pending reply, or that the server is busy where it takes too long."""

    def run() -> Reply:
        try:
            return pending.run()
        except TimeoutError:
            return BUSY

    async def run_async() -> Reply:
        try:
            return await pending.run_async()
        except TimeoutError:
            return BUSY

    return Pending(run, run_async)
