"""An HTTP/1.1 client on a plain socket. It sees what libraries hide: repeated headers, chunks, a body after HEAD."""

from __future__ import annotations

import socket

from tests.conformance.client import Flight, Request, Response
from tests.conformance.trace import PATIENCE_SECONDS

BODILESS = (204, 304)


class SocketFlight(Flight):
    """One request on one connection, which the server closes at the end."""

    def __init__(self, port: int, request: Request) -> None:
        self.request = request
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        self.received = self.socket.makefile("rb")
        self.response: Response | None = None
        self.complete = False
        lines = [f"{request.method} {request.target} HTTP/1.1", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in request.fields()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)

    def head(self) -> Response:
        if self.response is None:
            _, status, reason = self._line().split(" ", 2)
            headers = []
            while line := self._line():
                name, _, value = line.partition(":")
                headers.append((name, value.strip()))
            self.response = Response(int(status), reason, headers)
            self.chunked = self.response.members("Transfer-Encoding") == ["chunked"]
            length = self.response.header("Content-Length")
            bodiless = self.request.method == "HEAD" or self.response.status in BODILESS
            self.left = 0 if bodiless else None if length is None else int(length)
        return self.response

    def _line(self) -> str:
        line = self.received.readline()
        assert line.endswith(b"\r\n"), f"the server closed the connection in the middle of {line!r}"
        return line[:-2].decode("latin-1")

    def chunk(self) -> bytes | None:
        self.head()
        try:
            piece = self._chunk() if self.chunked and self.left is None else self._piece()
        except (ConnectionError, ValueError):
            return None
        return piece or None

    def _chunk(self) -> bytes:
        size = int(self.received.readline(), 16)
        piece = self.received.read(size)
        end = self.received.readline()
        self.complete = size == 0 and end == b"\r\n"
        return piece if len(piece) == size else b""

    def _piece(self) -> bytes:
        # What comes beyond the announced length is read too: the test has to see it.
        piece = self.received.read1(64 * 1024)
        if self.left is not None:
            self.left -= len(piece)
            self.complete = self.left == 0
        return piece

    def rest(self) -> Response:
        response = self.head()
        while piece := self.chunk():
            response.chunks.append(piece)
        response.complete = self.complete if self.chunked or self.left is not None else None
        return response

    def leave(self) -> None:
        self.received.close()
        self.socket.close()
