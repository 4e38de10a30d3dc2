"""The receiver of reports as an ASGI application. Public as `perfkit.asgi.reports_app`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from perfkit._asgi import Receive, Scope, Send, reply_headers
from perfkit.exchange import Reply

if TYPE_CHECKING:
    from perfkit.reports import ReportReceiver


class ReportsApp:
    """An ASGI application that takes the reports of browsers; see `reports_app`."""

    def __init__(self, receiver: ReportReceiver) -> None:
        self.receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            # For a lifespan that is the answer of an application that wants none (ASGI, "Lifespan Protocol").
            raise RuntimeError(f"reports_app answers http only, not {scope['type']}")
        reply = await self._reply(scope, receive)
        if reply is None:
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": reply_headers(reply)})
        await send({"type": "http.response.body", "body": reply.body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply | None:
        """The answer; None where the client went away before its body was whole."""
        content_type = _header(scope, b"content-type")
        reply = self.receiver.refuse(scope["method"], content_type, _header(scope, b"content-length"))
        if reply is not None:
            return reply
        content = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            content += message.get("body", b"")
            if len(content) > self.receiver.options.max_body:
                return self.receiver.too_large()
            more = message.get("more_body", False)
        return self.receiver.take(content_type, bytes(content))


def reports_app(receiver: ReportReceiver | None = None, **options: Any) -> ReportsApp:
    """An ASGI application that takes the reports of browsers, to be mounted on a path.

    As in ``Mount("/reports", reports_app())`` of Starlette.

    Args:
        receiver: a receiver to share, else a new one, which is the application's attribute `receiver`.
        options: those of a new one, see `perfkit.reports.ReportOptions`.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
        TypeError: both a receiver and options are given.
    """
    from perfkit.reports import ReportReceiver  # here, since most applications take no reports

    return ReportsApp(ReportReceiver.shared(receiver, options))


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name), None)
