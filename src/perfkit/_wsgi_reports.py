"""The receiver of reports as a WSGI application. Public as `perfkit.wsgi.reports_app`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from perfkit._wsgi import Environ, StartResponse, status_line
from perfkit.exchange import Reply

if TYPE_CHECKING:
    from perfkit.reports import ReportReceiver


class ReportsApp:
    """A WSGI application that takes the reports of browsers; see `reports_app`."""

    def __init__(self, receiver: ReportReceiver) -> None:
        self.receiver = receiver

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        reply = self._reply(environ)
        start_response(status_line(reply.status), [(name.title, value) for name, value in reply.fields()])
        return [reply.body]

    def _reply(self, environ: Environ) -> Reply:
        content_type = environ.get("CONTENT_TYPE")
        length = environ.get("CONTENT_LENGTH") or None
        reply = self.receiver.refuse(environ["REQUEST_METHOD"], content_type, length)
        if reply is not None:
            return reply
        most = self.receiver.options.max_body + 1
        if length is None and not environ.get("wsgi.input_terminated"):
            # Nothing tells where the body ends, and reading on could wait for ever (PEP 3333, "Input and Error
            # Streams"). Browsers always send a length.
            return self.receiver.no_length()
        return self.receiver.take(content_type, _read(environ["wsgi.input"], most if length is None else int(length)))


def reports_app(receiver: ReportReceiver | None = None, **options: Any) -> ReportsApp:
    """A WSGI application that takes the reports of browsers, for example behind werkzeug's `DispatcherMiddleware`.

    Args:
        receiver: a receiver to share, else a new one, which is the application's attribute `receiver`.
        options: those of a new one, see `perfkit.reports.ReportOptions`.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
        TypeError: both a receiver and options are given.
    """
    from perfkit.reports import ReportReceiver  # here, since most applications take no reports

    return ReportsApp(ReportReceiver.shared(receiver, options))


def _read(source: Any, length: int) -> bytes:
    """That many bytes of a request's body, or fewer where it ends before; a read may give less than was asked for."""
    content = bytearray()
    while len(content) < length and (data := source.read(length - len(content))):
        content += data
    return bytes(content)
