"""The example, served in processes of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
START_SECONDS = 60  # the first start makes the database


@contextmanager
def served(folder: Path, factory: str, port: int) -> Iterator[str]:
    """The base URL of an application served by uvicorn in a process of its own."""
    command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--app-dir", str(folder)]
    command += ["--host", HOST, "--port", str(port), "--log-level", "warning"]
    process = subprocess.Popen(command)  # noqa: S603 - no text from outside in it
    try:
        url = f"http://{HOST}:{port}"
        _wait_until_served(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def _wait_until_served(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("The example did not start; what it printed stands above.")
        try:
            httpx.get(url, timeout=5)
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"The example did not answer within {START_SECONDS} seconds.")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def is_free(port: int) -> bool:
    """Whether nobody listens on the port."""
    try:
        with socket.create_server((HOST, port)):
            return True
    except OSError:
        return False
