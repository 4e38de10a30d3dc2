"""`python forking.py WORKERS`: starts as many processes, one after the other, each of which counts and ends.

Says how many files there were at most, and what a scrape shows at the end. Run with PROMETHEUS_MULTIPROC_DIR.
"""

import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

from prometheus_client import Counter, Gauge, Histogram

from perfkit.features.metrics._exposition import Exposition
from perfkit.prometheus import child_exit
from tests.features.metrics.scrapes import samples, scrape

MADE = Counter("made", "Made.", ["by"])
TOOK = Histogram("took_seconds", "Took.")
OPEN = Gauge("open", "Open.", multiprocess_mode="livesum")


def work(number: int) -> None:
    for _ in range(number):
        MADE.labels("hand").inc()
        TOOK.observe(number)
    OPEN.set(1)


def main() -> None:
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    exposition = Exposition()
    most = expected = 0
    for number in range(int(sys.argv[1])):
        child = os.fork()
        if not child:
            work(number % 7)
            if number % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            os._exit(0)
        os.waitpid(child, 0)
        expected += number % 7
        if number % 3 == 0:  # else it is left to a scrape
            child_exit(None, SimpleNamespace(pid=child))
        if number % 5 == 0:
            scrape(exposition)
        most = max(most, len(list(folder.iterdir())))
    MADE.labels("hand").inc(1000)  # in this process, which thereby has files too and may fold
    shown = samples(scrape(exposition))
    found = {
        "expected": expected + 1000,
        "made": shown["made_total", (("by", "hand"),)],
        "took": shown["took_seconds_count", ()],
        "open": shown.get(("open", ()), 0),
        "most": most,
        "left": sorted(path.name for path in folder.iterdir() if str(os.getpid()) not in path.name),
    }
    print(json.dumps(found))


main()
