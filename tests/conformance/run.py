"""What a test uses to send requests to its case."""

from __future__ import annotations

from typing import NamedTuple

from tests.conformance.client import Flight, Host, Pairs, Request, Response
from tests.conformance.trace import Trace


class Ran(NamedTuple):
    response: Response
    trace: Trace


class Run:
    """Sends requests to one case on one host."""

    def __init__(self, host: Host, case: str) -> None:
        self.host = host
        self.kind = host.kind
        self.case = case

    def request(
        self, method: str = "GET", rest: str = "", *, headers: Pairs = (), body: bytes = b"", mount: str = ""
    ) -> Request:
        return Request(method, f"{mount}/{self.case}{rest}", headers, body)

    def __call__(
        self,
        method: str = "GET",
        rest: str = "",
        *,
        headers: Pairs = (),
        body: bytes = b"",
        mount: str = "",
        until: str = "",
    ) -> Ran:
        """Send a request, and wait for its response and then for that note in its trace."""
        request = self.request(method, rest, headers=headers, body=body, mount=mount)
        response = self.host.fetch(request)
        return Ran(response, self.host.trace(request.id, until))

    def open(self, request: Request) -> Flight:
        return self.host.open(request)
