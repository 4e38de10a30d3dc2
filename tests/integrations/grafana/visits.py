"""Visitors of the shop, who do all that the dashboard shows."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import httpx
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Request, TextMessage

PAGES = ["/", "/books/1", "/books/2/card", "/static/bookshop.css", "/api/books/1", "/api/reviews/eager", "/api/me"]


def visit(url: str) -> None:
    """One round through the shop. What comes first has series of its own, whatever their number."""
    assert httpx.get(f"{url}/fails").status_code == 500  # the server closes that connection
    with httpx.Client(base_url=url, timeout=30) as client:
        for page in PAGES:
            assert client.get(page).status_code < 300 or page == "/api/me"
        books = client.get("/api/books?limit=100", headers={"Accept-Encoding": "gzip"})
        again = client.get("/api/books?limit=100", headers={"If-None-Match": books.headers["ETag"]})
        assert again.status_code == 304
        assert client.get("/nowhere").status_code == 404
        assert client.get("/spans").status_code == 200
        assert client.get("/api/events?count=2&interval=0.01").status_code == 200
        # Five wrong passwords are answered at once, and the others refused. To check one takes time on a busy machine.
        wrong = {"username": "reader", "password": "wrong"}
        assert 429 in (client.post("/api/login", json=wrong).status_code for _ in range(50))
    talk(url)


def talk(url: str) -> None:
    """Say something over a WebSocket, and hear it again."""
    parts = urlsplit(url)
    connection = WSConnection(ConnectionType.CLIENT)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as stream:
        stream.sendall(connection.send(Request(host=parts.netloc, target="/echo")))
        assert isinstance(receive(stream, connection), AcceptConnection)
        stream.sendall(connection.send(TextMessage("hello")))
        heard = receive(stream, connection)
        assert isinstance(heard, TextMessage)
        assert heard.data == "hello"
        stream.sendall(connection.send(CloseConnection(1000)))
        assert isinstance(receive(stream, connection), CloseConnection)


def receive(stream: socket.socket, connection: WSConnection) -> object:
    while True:
        for event in connection.events():
            return event
        connection.receive_data(stream.recv(65536) or None)
