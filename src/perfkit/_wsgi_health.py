"""The health endpoints as a WSGI application. Public as `perfkit.wsgi.health_app`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from perfkit._wsgi import Environ, StartResponse, WsgiExchange
from perfkit.exchange import CONTENT_TYPE, Reply
from perfkit.feature import Pending
from perfkit.stack import Stack

NOT_FOUND: Final = Reply(404, {CONTENT_TYPE: "text/plain; charset=utf-8"}, b"There is nothing here.\n")


class HealthApp:
    """A WSGI application that answers the health endpoints; see `health_app`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        # Where it is mounted is of no matter.
        inner = {**environ, "SCRIPT_NAME": "", "PATH_INFO": environ.get("PATH_INFO") or "/"}
        exchange = WsgiExchange(inner, start_response, self.stack)
        try:
            reply = self.stack.request(exchange)
            if isinstance(reply, Pending):
                reply = reply.run()
            return exchange.answer(NOT_FOUND if reply is None else reply)
        except BaseException as error:
            exchange.finish(error)
            raise


def health_app(**options: Any) -> HealthApp:
    """A WSGI application that answers ``/live``, ``/ready`` and ``/``, to be mounted, or served on a port of its own.

    As behind werkzeug's `DispatcherMiddleware`.

    Args:
        options: those of the section ``health``, see `perfkit.health.HealthOptions`, whose path is ``"/"`` here; and
            the shared sections ``client`` and ``internal``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """
    return HealthApp(Stack.for_section("health", {"path": "/", **options}))
