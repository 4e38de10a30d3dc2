"""Real servers of `served`, and handshakes on plain sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.features.rate_limit.redis_server import free_port

ROOT = Path(__file__).parents[4]


class Served:
    """A real server, spoken to on a socket."""

    def __init__(self, command: str) -> None:
        self.port = free_port()
        arguments = command.format(port=self.port, app="tests.features.rate_limit.table.served:app").split()
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30
        while not self._answers():
            assert self.process.poll() is None, "the server ended at once"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with self.ask("/", upgrade=False) as answer:
                return answer.recv(100).startswith(b"HTTP/1.1 200")
        except OSError:
            return False

    def ask(self, path: str, *, upgrade: bool = True) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), 10)
        lines = [f"GET {path} HTTP/1.1", "Host: testserver"]
        if upgrade:
            lines += ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
            lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return connection

    def head(self, path: str) -> tuple[int, bytes, socket.socket]:
        """Status and head of the answer to a handshake."""
        connection = self.ask(path)
        head = b""
        while b"\r\n\r\n" not in head and (piece := connection.recv(4096)):
            head += piece
        return int(head.split()[1]), head.lower(), connection

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
