"""The disk and the memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from perfkit.features.health._amounts import Amount, amount, told
from perfkit.features.health._options import CheckOptions
from perfkit.features.health._result import Result
from perfkit.options import BadOption

DEFAULT: Final = "5%"

PROC: Final = Path("/proc")
# Of the container this process is in (cgroup v2).
CGROUP: Final = Path("/sys/fs/cgroup")


class Space(NamedTuple):
    """Bytes that can be had, of how many."""

    free: int
    total: int

    def against(self, least: Amount, word: str) -> Result:
        """Whether it is enough; the word says what it is."""
        said = f"{told(self.free)} of {told(self.total)} {word}"
        if self.free >= least.of(self.total):
            return Result("pass", said)
        return Result("fail", f"{said}, less than {least.text}")


def disk(options: CheckOptions, timeout: float) -> Callable[[], Result]:
    """A check that there is enough room where files are written."""
    path = options.path or "/"
    least = amount("free", options.free or DEFAULT)

    def look() -> Result:
        usage = shutil.disk_usage(path)
        return Space(usage.free, usage.total).against(least, "free")

    return look


def memory(options: CheckOptions, timeout: float) -> Callable[[], Result]:
    """A check of the memory that this process has, and of what is left."""
    most = None if options.rss is None else amount("rss", options.rss)
    least = None if most and options.available is None else amount("available", options.available or DEFAULT)
    try:
        _look(most, least)
    except (OSError, ValueError, KeyError):
        mend = "remove the check, or write a function, with psutil for example"
        raise BadOption("kind", "this system does not tell its memory as Linux does", mend) from None
    return lambda: _look(most, least)


def _look(most: Amount | None, least: Amount | None) -> Result:
    space = available()
    if most is not None:
        size, limit = resident(), most.of(space.total)
        if size > limit:
            return Result("fail", f"this process has {told(size)}, more than {most.text}")
        if least is None:
            return Result("pass", f"this process has {told(size)}")
    return space.against(least, "available") if least is not None else Result("pass")


def resident() -> int:
    """Bytes of memory that this process has (proc_pid_statm(5))."""
    return int((PROC / "self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def available() -> Space:
    """Memory that can be had without swapping: of the machine, or of the container where that has less."""
    found: dict[str, Any] = dict(line.split(":", 1) for line in (PROC / "meminfo").read_text().splitlines())
    machine = Space(*(int(found[name].split()[0]) * 1024 for name in ("MemAvailable", "MemTotal")))
    container = machine
    with suppress(OSError, ValueError):  # ValueError: "max", which is no limit
        limit = int((CGROUP / "memory.max").read_text())
        stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        # Files that were read are kept as long as nobody needs the memory.
        used = int((CGROUP / "memory.current").read_text()) - int(stat.get("inactive_file", 0))
        container = Space(max(limit - used, 0), limit)
    return min(machine, container)
