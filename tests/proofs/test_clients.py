"""Real clients decode what perfkit streams, and have its first line before there is a second."""

import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from tests.proofs import archive
from tests.proofs.http_servers import Site, serving
from tests.proofs.servers import eventually
from tests.proofs.stream_clients import CLIENTS

pytestmark = pytest.mark.server

SITES = {
    "asgi": Site("uvicorn", "tests.proofs.archive_asgi:app"),
    "wsgi": Site("gunicorn", "tests.proofs.archive_wsgi:app"),
    "django-asgi": Site("uvicorn", "tests.proofs.archive_django:asgi"),
    "django-wsgi": Site("gunicorn", "tests.proofs.archive_django:wsgi"),
}
# What streams of a kind come in.
CODINGS = {"open": {"gzip", "zstd"}, "text": {"gzip", "br", "zstd"}}
# What the clients take. Of node, only recent versions of fetch decode zstd.
TAKEN = dict.fromkeys(CLIENTS, CODINGS["text"]) | {"node": {"gzip", "br"}}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SITES])
def url(request, tmp_path_factory):
    with serving(SITES[request.param], tmp_path_factory.mktemp("clients")) as url:
        yield url


def read_gated(chunks: Iterator[bytes], gate: str) -> bytes:
    """Read a stream that stays behind its first line until the gate is open, and open it once the line is there."""
    body = b""
    while not body.endswith(b"\n"):
        body += next(chunks)
    assert body == archive.LIVE[0]
    assert httpx.get(gate, timeout=archive.PATIENCE).status_code == 200
    return body + b"".join(chunks)


@pytest.mark.parametrize("kind", CODINGS)
@pytest.mark.parametrize("client", CLIENTS)
def test_a_stream_is_decoded_as_it_comes(url, client, kind):
    codings = CODINGS[kind] & TAKEN[client]
    for coding in (*sorted(codings), ""):  # without one, what the client asks for by itself
        name = uuid.uuid4().hex
        with CLIENTS[client](f"{url}/live/{kind}/{name}", coding) as stream:
            assert stream.coding in ({coding} if coding else codings)
            assert read_gated(stream.chunks, f"{url}/gate/{name}") == b"".join(archive.LIVE)


@contextmanager
def streaming(url: str, coding: str) -> Iterator[None]:
    """A client in the middle of an endless stream, which leaves at the end."""
    server = urlsplit(url)
    with socket.create_connection((server.hostname, server.port), timeout=60) as connection:
        request = f"GET /endless/text HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: {coding}\r\n\r\n"
        connection.sendall(request.encode())
        seen = b""
        while len(seen) < 4096:
            more = connection.recv(4096)
            assert more, seen
            seen += more
        assert f"content-encoding: {coding}\r\n".encode() in seen.lower()
        yield


@pytest.mark.parametrize("coding", sorted(CODINGS["text"]))
def test_nothing_is_kept_for_clients_that_left(url, coding):
    """Neither the application's stream nor the encoder, of which those for zstd and br hold 500 KiB and more."""

    def left() -> dict[str, int]:
        return httpx.get(f"{url}/left", timeout=60).json()

    def left_behind(count: int) -> dict[str, int]:
        ended = left()["ended"] + count
        for _ in range(count):
            with streaming(url, coding):
                pass
        after = eventually(lambda: (now := left())["ended"] == ended and not now["encoders"] and now)
        assert after, (ended, left())
        return after

    with streaming(url, coding):
        assert left()["encoders"] == 1
    assert eventually(lambda: not left()["encoders"])
    warm = left_behind(8)
    after = left_behind(24)
    assert after["memory"] - warm["memory"] < 8 * 1024 * 1024, (warm, after)
