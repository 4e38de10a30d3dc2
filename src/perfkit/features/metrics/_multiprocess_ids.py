"""What the system tells of processes and their files."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def is_id(process: str) -> bool:
    """Whether it is the id of a process as prometheus-client writes it; the longest there are have seven digits."""
    return process.isdecimal() and len(process) < 10 and process == str(int(process))


def identity(status: os.stat_result) -> tuple[int, int]:
    """What tells a file from all others, whatever it is called."""
    return status.st_dev, status.st_ino


def open_files() -> set[tuple[int, int]] | None:
    """The files that this process has open; None where the system does not tell (it is Linux that does)."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        return None
    found = set()
    for entry in folder.iterdir():
        with suppress(OSError):  # closed meanwhile
            found.add(identity(entry.stat()))
    return found


def runs(process: int) -> bool:
    """Whether there is a process of this id now."""
    try:
        with suppress(PermissionError):  # somebody else's
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True
