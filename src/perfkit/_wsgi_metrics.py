"""The metrics as a WSGI application. Public as `perfkit.wsgi.metrics_app`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from perfkit._wsgi import Environ, StartResponse, WsgiExchange, status_line
from perfkit.feature import Pending

if TYPE_CHECKING:
    from perfkit._metrics_app import Scrape
    from perfkit.settings import Settings


class MetricsApp:
    """A WSGI application that shows the metrics; see `metrics_app`."""

    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        reply = self._scrape.reply(WsgiExchange(environ, start_response, self._scrape.stack))
        if isinstance(reply, Pending):
            reply = reply.run()
        start_response(status_line(reply.status), [(name.title, value) for name, value in reply.fields()])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else reply.body]


def metrics_app(
    registry: Any = None,
    settings: Settings | Mapping[str, Any] | None = None,
    *,
    client: Mapping[str, Any] | None = None,
    internal: Mapping[str, Any] | None = None,
) -> MetricsApp:
    """A WSGI application that shows the metrics, to be mounted on a path or served on a port of its own.

    As in ``DispatcherMiddleware(app, {"/metrics": metrics_app()})`` of werkzeug. Who may not see them gets 404.

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
