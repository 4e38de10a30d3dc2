"""The receiver of reports as a Django view. Public as `perfkit.django.reports_view`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from perfkit.django._exchange import response_of
from perfkit.exchange import Reply

if TYPE_CHECKING:
    from perfkit.reports import ReportReceiver


class ReportsView:
    """A Django view that takes the reports of browsers; see `reports_view`."""

    # Browsers send reports without a token, and without cookies to another origin; nothing is done in a user's name.
    csrf_exempt = True

    def __init__(self, receiver: ReportReceiver) -> None:
        self.receiver = receiver

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return response_of(self._reply(request))

    def _reply(self, request: HttpRequest) -> Reply:
        content_type = request.META.get("CONTENT_TYPE")
        reply = self.receiver.refuse(request.method or "", content_type, request.META.get("CONTENT_LENGTH") or None)
        if reply is not None:
            return reply
        try:
            # Not `request.body`, which reads up to DATA_UPLOAD_MAX_MEMORY_SIZE.
            content = request.read(self.receiver.options.max_body + 1)
        except UnreadablePostError:  # the client went away
            content = b""
        return self.receiver.take(content_type, content)


def reports_view(receiver: ReportReceiver | None = None, **options: Any) -> ReportsView:
    """A view that takes the reports of browsers.

    As in ``path("reports/", reports_view())``.

    Args:
        receiver: a receiver to share, else a new one, which is the view's attribute `receiver`.
        options: those of a new one, see `perfkit.reports.ReportOptions`.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
        TypeError: both a receiver and options are given; or this function itself stands in the URLconf.
    """
    if isinstance(receiver, HttpRequest):
        raise TypeError("reports_view makes a view: write path(..., reports_view()) in the URLconf")
    from perfkit.reports import ReportReceiver  # here, since most applications take no reports

    return ReportsView(ReportReceiver.shared(receiver, options))
