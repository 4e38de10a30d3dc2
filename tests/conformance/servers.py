"""Real servers: started in processes of their own, on free ports of the loopback interface."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conformance.client import Flight, Host, Request
from tests.conformance.hosts import Kind
from tests.conformance.sockets import SocketFlight

ROOT = Path(__file__).parents[2]

START_SECONDS = 30.0
STOP_SECONDS = 5.0

# {app} and {port} are filled in. Each server has one process that handles requests, since the notes are kept there,
# and none rewrites addresses or drops headers.
COMMANDS = {
    "uvicorn": "uvicorn {app} --port {port} --no-proxy-headers --log-level warning",
    "hypercorn": "hypercorn {app} --bind 127.0.0.1:{port}",
    "granian": "granian {app} --interface asgi --loop asyncio --port {port}",
    "daphne": "daphne {app} --bind 127.0.0.1 --port {port} --verbosity 0",
    "gunicorn": "gunicorn {app} --bind 127.0.0.1:{port} --worker-class gthread --threads 8 "
    "--forwarded-allow-ips 192.0.2.1",
    "waitress": "waitress {app} --listen=127.0.0.1:{port} --threads=8 --no-clear-untrusted-proxy-headers",
    "wsgiref": "tests.conformance.served_wsgiref {port}",
}


class ServerHost(Host):
    """A server process; what it writes is kept for the report of a failed test."""

    def __init__(self, kind: Kind, log: Path) -> None:
        self.kind = kind
        self.log = log
        self.log_shown = 0
        self.port = _free_port()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                self._command(),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _command(self) -> list[str]:
        server, _, framework = self.kind.name.partition("-")
        app = f"tests.conformance.served{'_django' if framework else ''}:{self.kind.protocol}"
        module, *arguments = COMMANDS[server].format(app=app, port=self.port).split()
        if server == "waitress":  # knows its options only before the application
            arguments = [*arguments[1:], arguments[0]]
        return [sys.executable, "-m", module, *arguments]

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.fetch(Request("GET", "/-/ready")).body == b"yes":
                    return
            except (OSError, AssertionError):
                time.sleep(0.05)
        raise RuntimeError(f"{self.kind.name} did not start:\n{self.log.read_text()}")

    def open(self, request: Request) -> Flight:
        return SocketFlight(self.port, request)

    def new_log(self) -> str:
        """What the server wrote since the last call."""
        text = self.log.read_text(errors="replace")
        new, self.log_shown = text[self.log_shown :], len(text)
        return new

    def stop(self) -> None:
        """End the server, its workers too, politely at first."""
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, signal_number)
                self.process.wait(STOP_SECONDS)
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue


def start(kind: Kind, log: Path) -> ServerHost:
    module = COMMANDS[kind.name.partition("-")[0]].split()[0]
    if find_spec(module) is None:
        missing = f"{module} is not installed"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    return ServerHost(kind, log)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
