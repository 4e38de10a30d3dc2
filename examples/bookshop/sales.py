"""The feed behind /api/events: sales as server-sent events (HTML standard, section 9.2)."""

import json
from random import Random

from .stock import BOOKS

DEFAULT_COUNT = 10
MAX_COUNT = 1_000
DEFAULT_INTERVAL = 0.2  # seconds between two events
MAX_INTERVAL = 5.0

# An event stream is never the same twice, and a proxy that waits for the end of it shows nothing at all.
STREAM_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def sale_event(number: int) -> str:
    """The message for sale `number`, counted from 1; the same number always sells the same book."""
    random = Random(number)
    data = {"sale": number, "book_id": random.randint(1, BOOKS), "copies": random.randint(1, 5)}
    return f"event: sale\nid: {number}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
