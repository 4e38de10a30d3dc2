"""The metrics as an ASGI application. Public as `perfkit.asgi.metrics_app`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from perfkit._asgi import ConnectionExchange, Receive, Scope, Send, reply_headers
from perfkit.feature import Pending

if TYPE_CHECKING:
    from perfkit._metrics_app import Scrape
    from perfkit.settings import Settings


class MetricsApp:
    """An ASGI application that shows the metrics; see `metrics_app`."""

    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _live(receive, send)
        if scope["type"] != "http":
            raise RuntimeError(f"metrics_app answers http only, not {scope['type']}")
        reply = self._scrape.reply(ConnectionExchange(scope, send, self._scrape.stack))
        if isinstance(reply, Pending):
            reply = await reply.run_async()
        await send({"type": "http.response.start", "status": reply.status, "headers": reply_headers(reply)})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})


def metrics_app(
    registry: Any = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    client: Mapping[str, Any] | None = None,
    internal: Mapping[str, Any] | None = None,
) -> MetricsApp:
    """An ASGI application that shows the metrics, to be mounted on a path or served on a port of its own.

    As in ``Mount("/metrics", metrics_app())`` of Starlette. Who may not see them gets 404.

    Args:
        registry: a registry of prometheus-client, by default its global one. Where several processes count together
            (PROMETHEUS_MULTIPROC_DIR), the metrics of all of them are shown instead.
        settings: as `PerfkitMiddleware` takes them; only the sections ``client`` and ``internal`` count.
        client: or the section ``client`` itself, as in ``client={"trusted_proxies": ["10.0.0.7"]}``.
        internal: or the section ``internal`` itself, as in ``internal={"networks": ["10.0.0.0/8"]}``.

    Raises:
        ConfigurationError: a setting that cannot be used; or prometheus-client is not installed.
        TypeError: both settings and sections are given.
    """
    from perfkit._metrics_app import Scrape  # here, since most applications need none

    return MetricsApp(Scrape(registry, settings, {"client": client, "internal": internal}))


async def _live(receive: Receive, send: Send) -> None:
    """Take part in the lifespan of a server, which says nothing to this application."""
    kind = ""
    while kind != "lifespan.shutdown":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
