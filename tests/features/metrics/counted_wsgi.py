"""What gunicorn serves in the tests of several processes: each answer is counted, before it is given."""

from __future__ import annotations

import os
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from perfkit import Metrics
from perfkit.wsgi import PerfkitMiddleware

# Of the application itself. In a process of gunicorn's own there is no other state than what these files keep.
ANSWERED = Counter("shop_answered", "Answers given.")
TOOK = Histogram("shop_took_seconds", "What they took.", ["kind"], buckets=[1, 2])
OPEN = Gauge("shop_open", "Workers that serve.", multiprocess_mode="livesum")
OPEN.set(1)


def shop(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    ANSWERED.inc()
    TOOK.labels("answer").observe(1.5)
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


app = PerfkitMiddleware(shop, features=[Metrics()])
