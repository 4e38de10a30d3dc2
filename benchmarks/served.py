"""Serves an ASGI application with uvicorn on one core, and loads it with wrk from another.

What counts is the processor time of the server for each request, where the system tells it (Linux), and else the rate
that wrk saw. With a core to itself the server gives the same by both, as wrk keeps it busy; where other programs take a
part of the core, only the first still compares applications.

``python -m benchmarks.served NAME FD HTTP LOOP`` is the server's side: it serves that variant on a socket it is given.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from benchmarks.model import Answer, Skipped, Variant

CONNECTIONS: Final = 16
SECONDS: Final = 1
# uvicorn's HTTP protocol and event loop: what it brings itself, and what `uvicorn[standard]` adds.
PLAIN: Final = ("h11", "asyncio")
FAST: Final = ("httptools", "uvloop")
START_SECONDS: Final = 30

_RATE: Final = re.compile(r"^Requests/sec:\s*([0-9.]+)", re.MULTILINE)
_TOTAL: Final = re.compile(r"^\s*([0-9]+) requests in", re.MULTILINE)
_TROUBLE: Final = re.compile(r"^\s*(Socket errors|Non-2xx).*", re.MULTILINE)


def pinned(core: int, *command: str) -> list[str]:
    """The command, on one of the cores we may use where there is more than one."""
    taskset = shutil.which("taskset")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if taskset is None or len(cores) < 2:
        return list(command)
    return [taskset, "--cpu-list", str(cores[core]), *command]


def processor_seconds(pid: int) -> float:
    """What the threads of a process have used so far; 0 where the system does not tell."""
    schedules = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(schedule.read_text().split()[0]) for schedule in schedules) / 1e9


class Served:
    """A variant behind uvicorn. All servers stay up; the one that is not loaded costs nothing."""

    def __init__(self, variant: Variant, protocol: tuple[str, str]) -> None:
        wrk = shutil.which("wrk")
        if wrk is None:
            raise Skipped("wrk is not installed; on Debian and Ubuntu: apt-get install wrk")
        for module in protocol:
            if find_spec(module) is None:
                raise Skipped(f"{module} is not installed")
        variant.build()  # an ImportError is known here
        self._wrk = wrk
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
            self._port: int = listening.getsockname()[1]
            fd = listening.fileno()
            command = (sys.executable, "-m", "benchmarks.served", variant.name, str(fd), *protocol)
            self._server = subprocess.Popen(pinned(0, *command), pass_fds=[fd])

    def answer(self) -> Answer:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            names = tuple(name.lower() for name in response.headers)
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def measure(self) -> float:
        load = (self._wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s")
        address = f"http://127.0.0.1:{self._port}/"
        before = processor_seconds(self._server.pid)
        output = subprocess.run(pinned(1, *load, address), check=True, capture_output=True, text=True).stdout
        used = processor_seconds(self._server.pid) - before
        rate, total = _RATE.search(output), _TOTAL.search(output)
        assert rate is not None, output
        assert total is not None, output
        assert not _TROUBLE.search(output), output
        return used / int(total[1]) if used else 1 / float(rate[1])

    def garbage(self) -> int:
        return 0

    def close(self) -> None:
        self._server.terminate()
        self._server.wait(START_SECONDS)


def serve(name: str, fd: int, http: str, loop: str) -> None:
    import uvicorn

    from benchmarks.rows.asgi import ASGI

    app = next(variant for variant in ASGI.variants if variant.name == name).build()
    options: dict[str, Any] = {
        "http": http,
        "loop": loop,
        "access_log": False,
        "log_level": "warning",
        "lifespan": "off",
    }
    config = uvicorn.Config(app, **options)
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=fd)])


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
