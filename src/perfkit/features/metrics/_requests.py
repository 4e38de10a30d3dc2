"""What is kept of requests: of those that run, and of those that have ended in the same way."""

from __future__ import annotations

from typing import Any, TypeAlias

from perfkit.features.metrics._cells import Distribution, Exemplar, Number
from perfkit.features.metrics._facts import Told
from perfkit.features.metrics._families import Labels, Plan
from perfkit.features.metrics._labels import clean, exact, status_class

# Method, route, status, type of the error, and the values of the application's own labels.
Key: TypeAlias = tuple[Any, ...]

# A request that has ended: its key; seconds until its end, and until its response began, if that is known; bytes of its
# body, and of that of the response, below 0 where there is none to measure; what other features tell of it; its
# exemplar; and how it ended, if it is a stream.
Ended: TypeAlias = "tuple[Key, float, float | None, int, int, Told | None, Exemplar | None, str]"


class Running:
    """A request that has begun.

    Attributes:
        method: its method, as labels have it.
        responded: when its response began, in seconds of `time.perf_counter`, if it is known.
        stream: whether the response is a stream.
        left: whether the client was gone when its response began.
    """

    # Defaults of the class: made without a call.
    method: str
    responded: float | None = None
    stream: bool = False
    left: bool = False


class Entry:
    """The series of one key, each from its first use on; and the labels of each by the name it has here."""

    __slots__ = ("duration", "first_byte", "labels", "received", "requests", "route", "sent")

    def __init__(self, key: Key, plan: Plan) -> None:
        method, route, status, error_type, *own = key
        self.route = clean(route)
        own_labels = tuple(map(clean, own))
        status_label = (exact if plan.status == "exact" else status_class)(status)
        body = (method, self.route)
        self.labels: dict[str, Labels] = {
            "requests": (*body, exact(status), clean(error_type), *own_labels),
            "duration": (*body, status_label, *own_labels),
            "first_byte": (*body, status_label),
            "received": body,
            "sent": body,
        }
        self.requests: Number | None = None
        self.duration: Distribution | None = None
        self.first_byte: Distribution | None = None
        self.received: Distribution | None = None
        self.sent: Distribution | None = None
