"""Real servers over http, in processes of their own."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tests.proofs.servers import eventually
from tests.proofs.tools import HERE, missing

# One process each that handles requests, since what the archives know is kept there.
COMMANDS = {
    "uvicorn": "uvicorn {app} --port 0 --ws none --lifespan off --no-access-log --timeout-graceful-shutdown 1",
    "hypercorn": "hypercorn {app} --bind 127.0.0.1:0 --graceful-timeout 1",
    # It does not tell which port it was given, so it is told.
    "granian": "granian {app} --interface asginl --loop asyncio --port {port} --workers-kill-timeout 1",
    "gunicorn": "gunicorn {app} --bind 127.0.0.1:0 --worker-class gthread --threads 8 --graceful-timeout 1",
    "waitress": "waitress --listen=127.0.0.1:0 --threads=8 {app}",
}
# What they say once they listen.
LISTENING = re.compile(r"(?:[Rr]unning on|Listening at:|Serving on) http://127\.0\.0\.1:(\d+)")


class Site(NamedTuple):
    """An application on a server."""

    server: str
    app: str


@contextmanager
def serving(site: Site, folder: Path) -> Iterator[str]:
    """Run the server of a site with its log in this folder; gives the URL."""
    if find_spec(site.server) is None:
        missing(f"{site.server} is not installed")
    command = COMMANDS[site.server].format(app=site.app, port=_free_port())
    log = folder / f"{site.server}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", *command.split()),
            stdout=output,
            stderr=output,
            cwd=HERE.parents[1],
            start_new_session=True,
        )
    try:
        eventually(lambda: LISTENING.search(log.read_text()) or process.poll() is not None)
        found = LISTENING.search(log.read_text())
        assert found, log.read_text()
        # Some say so before their worker has loaded the application.
        assert eventually(lambda: _answers(int(found[1]))), log.read_text()
        yield f"http://127.0.0.1:{found[1]}"
    finally:
        _stop(process)
    assert "Traceback" not in log.read_text(), log.read_text()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End the server, its workers too, politely at first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
            return


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return connection.recv(12).endswith(b" 200")
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
