"""The health endpoints as an ASGI application. Public as `perfkit.asgi.health_app`."""

from __future__ import annotations

from typing import Any, Final

from perfkit._asgi import Receive, Scope, Send
from perfkit._asgi_http import HttpExchange
from perfkit.exchange import CONTENT_TYPE, Reply
from perfkit.feature import Pending
from perfkit.stack import Stack

NOT_FOUND: Final = Reply(404, {CONTENT_TYPE: "text/plain; charset=utf-8"}, b"There is nothing here.\n")


class HealthApp:
    """An ASGI application that answers the health endpoints; see `health_app`."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # For a lifespan that is the answer of an application that wants none (ASGI, "Lifespan Protocol").
            raise RuntimeError(f"health_app answers http only, not {scope['type']}")
        # Where it is mounted is of no matter.
        path = scope["path"].removeprefix(scope.get("root_path", "").rstrip("/")) or "/"
        exchange = HttpExchange({**scope, "path": path}, send, self.stack)
        try:
            reply = self.stack.request(exchange)
            if isinstance(reply, Pending):
                reply = await reply.run_async()
            await exchange.answer(NOT_FOUND if reply is None else reply)
        except BaseException as error:
            await exchange.fail(error)
            raise
        await exchange.close()


def health_app(**options: Any) -> HealthApp:
    """An ASGI application that answers ``/live``, ``/ready`` and ``/``, to be mounted, or served on a port of its own.

    As in ``Mount("/health", health_app(checks={...}))`` of Starlette.

    Args:
        options: those of the section ``health``, see `perfkit.health.HealthOptions`, whose path is ``"/"`` here; and
            the shared sections ``client`` and ``internal``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """
    return HealthApp(Stack.for_section("health", {"path": "/", **options}))
