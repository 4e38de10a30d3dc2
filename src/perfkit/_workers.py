"""How many processes serve the application, as far as one of them can see."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

# Programs whose -w is a number of processes.
SERVERS: Final = ("gunicorn", "uvicorn", "hypercorn", "granian")
_WORKERS: Final = re.compile(r"(?:-w|--workers)(?:=|\s*)([0-9]+)", re.ASCII)


def workers(environ: Mapping[str, str], arguments: Sequence[str]) -> int:
    """How many processes were asked for: 1 where nothing says so.

    Args:
        environ: the environment, of which GUNICORN_CMD_ARGS and WEB_CONCURRENCY are read.
        arguments: the command line, as `sys.argv` has it.
    """
    line = environ.get("GUNICORN_CMD_ARGS", "")
    if any(server in argument for argument in arguments[:1] for server in SERVERS):
        line = f"{line} {' '.join(arguments[1:])}"
    found = [int(number[:6]) for number in _WORKERS.findall(line)]
    told = environ.get("WEB_CONCURRENCY", "")
    if told.isascii() and told.isdigit():
        found.append(int(told[:6]))
    return max(found, default=1)


def siblings(environ: Mapping[str, str], parent: int, proc: Path = Path("/proc")) -> int:
    """How many processes gunicorn runs now, this one included, whatever its configuration file says.

    1 where this is no worker of gunicorn's, or where the system does not tell (it is Linux that does).

    Args:
        environ: the environment, where gunicorn leaves its name for its workers.
        parent: this process's parent.
        proc: where the system tells of processes.
    """
    if not environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        return 1
    try:
        children = (proc / str(parent) / "task" / str(parent) / "children").read_text()
    except OSError:
        return 1
    return max(len(children.split()), 1)


def seen_now() -> int:
    """How many processes serve the application, by all that can be seen from this one now."""
    import sys

    return max(workers(os.environ, sys.argv), siblings(os.environ, os.getppid()))
