"""What `metrics_app` is on every host: the exposition, and who may see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from perfkit.exchange import CONTENT_TYPE, Exchange, Reply
from perfkit.feature import Pending
from perfkit.settings import Settings, resolve
from perfkit.stack import Stack

# For who may not see metrics, and shall not learn that there are any.
NOT_FOUND: Final = Reply(404, {CONTENT_TYPE: "text/plain; charset=utf-8"}, b"Not Found\n")


class Scrape:
    """Answers every request with the metrics.

    Args:
        registry: a registry of prometheus-client, by default its global one.
        settings: whose sections ``client`` and ``internal`` count.
        sections: these sections themselves, those that are not None.

    Raises:
        ConfigurationError: a setting that cannot be used, or prometheus-client is not installed.
        TypeError: both settings and sections are given.

    Attributes:
        stack: what an exchange is made for; it has no feature.
    """

    def __init__(
        self, registry: Any, settings: Settings | Mapping[str, Any] | None, sections: Mapping[str, Any]
    ) -> None:
        from perfkit.features.metrics._exposition import Exposition  # here, since most applications need none of it

        given = {name: section for name, section in sections.items() if section is not None}
        if given and settings is not None:
            raise TypeError(f"give settings or {' and '.join(given)}, not both")
        self.stack = Stack((), trust=resolve(given or settings).trust)
        self._exposition = Exposition(registry)

    def reply(self, exchange: Exchange) -> Reply | Pending[Reply]:
        """The answer."""
        reply = self._exposition.reply(exchange)
        return reply.then(_found) if isinstance(reply, Pending) else _found(reply)


def _found(reply: Reply | None) -> Reply:
    return NOT_FOUND if reply is None else reply
