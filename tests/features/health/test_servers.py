"""SIGTERM to real servers: not ready at once, serving all the same, and ended after the drain."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.features.health.asking import PATIENCE_SECONDS, until
from tests.features.rate_limit.redis_server import free_port

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[3]
APP = "tests.features.health.served"
GUNICORN = "gunicorn --bind 127.0.0.1:{port} --graceful-timeout 60 --worker-tmp-dir {tmp}"
COMMANDS = {
    "uvicorn": f"uvicorn {APP}:asgi --port {{port}} --log-level warning",
    "uvicorn-workers": f"uvicorn {APP}:asgi --port {{port}} --log-level warning --workers 2",
    "gunicorn": f"{GUNICORN} {APP}:wsgi",
    "gunicorn-preload": f"{GUNICORN} --preload {APP}:wsgi",
    "gunicorn-gthread": f"{GUNICORN} --worker-class gthread --threads 4 --config python:{APP} {APP}:wsgi",
    "gunicorn-asgi": f"{GUNICORN} --worker-class asgi --asgi-loop asyncio {APP}:asgi",
}


class Server:
    def __init__(self, name: str, drain: float, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "log"
        command = [sys.executable, "-m", *COMMANDS[name].format(port=self.port, tmp=folder).split()]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "TEST_DRAIN": str(drain)},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def get(self, path: str) -> int | None:
        """The status; None where nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> float:
        """Until it has ended; gives the time of that."""
        self.process.wait(PATIENCE_SECONDS)
        return time.monotonic()


@contextlib.contextmanager
def running(name: str, drain: float, folder: Path) -> Iterator[Server]:
    server = Server(name, drain, folder)
    try:
        until(lambda: server.get("/health/ready") == 200 or server.process.poll() is not None)
        # From the first request on the signal is held; several workers each need one.
        for _ in range(20 if name == "uvicorn-workers" else 1):
            assert server.get("/") == 200, server.log.read_text()
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_is_not_ready_first_and_ends_later(name, tmp_path):
    drain = 1.0
    with running(name, drain, tmp_path) as server:
        began = time.monotonic()
        server.terminate()
        until(lambda: server.get("/health/ready") == 503)
        assert server.get("/") == 200
        assert server.get("/health/live") == 200
        assert server.process.poll() is None
        assert server.wait() - began >= drain
        assert server.get("/") is None


@pytest.mark.parametrize("name", ["uvicorn", "gunicorn-gthread"])
def test_ends_at_once_on_a_second_signal(name, tmp_path):
    with running(name, 300, tmp_path) as server:
        server.terminate()
        until(lambda: server.get("/health/ready") == 503)
        if name.startswith("gunicorn"):  # whose arbiter keeps the second to itself
            worker = re.search(r"Booting worker with pid: (\d+)", server.log.read_text())
            assert worker
            os.kill(int(worker[1]), signal.SIGTERM)
        else:
            server.terminate()
        server.wait()
