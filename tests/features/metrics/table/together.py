"""Worker processes that count together, and end one after the other. Run with PROMETHEUS_MULTIPROC_DIR.

Prints what the others show of it, and which files are left.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from perfkit.prometheus import child_exit
from tests.doors import DOORS, Door, Gate, Page
from tests.features.metrics.table.site import ACTIVE, DURATION, REQUESTS, TEXT, Scrape, Site

FOLDER = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
EACH = 3


def work(door: Door, *, killed: bool) -> None:
    """Answer some requests; who is killed leaves one behind that has not ended."""
    site = Site(door, exemplar=lambda exchange: "4bf92f3577b34da6a3ce929d0e0e4736")
    for _ in range(EACH):
        assert site.get().status == 200
    site.get(method="POST")
    if killed:
        gate = Gate()
        items: list[bytes | Gate] = [b"x" * 9000, gate]
        waiting = Site(door, Page(stream=lambda: items, headers=[TEXT]))
        waiting.open("/x").chunk()
        os.kill(os.getpid(), signal.SIGKILL)


def start(door: Door, *, killed: bool) -> int:
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return child
    try:
        work(door, killed=killed)
    finally:
        os._exit(0)


def files() -> list[str]:
    return sorted(path.name for path in FOLDER.glob("*.db"))


def seen(scrape: Scrape) -> dict[str, Any]:
    return {
        "requests": sorted([*labels, value] for labels, value in scrape[REQUESTS].items()),
        "durations": sum(scrape[f"{DURATION}_count"].values()),
        "active": sum(scrape[ACTIVE].values()),
        "exemplars": [str(sample) for family in scrape.families for sample in family.samples if sample.exemplar],
    }


def main() -> None:
    workers = [start(door, killed=door.protocol == "wsgi") for door in DOORS]
    written = files()
    for worker in workers:
        child_exit(None, SimpleNamespace(pid=worker))
    folded = files()
    reader = Site(DOORS[2])
    found = {"written": len(written), "folded": folded, "workers": workers, **seen(reader.scrape())}
    print(json.dumps(found))


main()
