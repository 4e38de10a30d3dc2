"""What is kept of requests: of those that run, and of those that have ended in the same way."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeAlias

from perfkit.features.metrics._cells import Distribution, Number
from perfkit.features.metrics._families import Labels, Plan
from perfkit.features.metrics._labels import clean, exact, status_class

# Method, route, status, type of the error, and the values of the application's own labels.
Key: TypeAlias = tuple[Hashable, ...]


class Running:
    """A request that has begun.

    Attributes:
        method: its method, as labels have it.
        active: the gauge that it is part of.
        first_byte: seconds until its response began, if it is known.
        stream: the gauge of open streams, where it is one.
        left: whether the client was gone when its response began.
    """

    __slots__ = ("active", "first_byte", "left", "method", "stream")

    def __init__(self, method: str, active: Number) -> None:
        self.method = method
        self.active = active
        self.first_byte: float | None = None
        self.stream: Number | None = None
        self.left = False


class Entry:
    """The series of one key, each from its first use on; and the labels of each by the name it has here."""

    __slots__ = ("duration", "first_byte", "labels", "received", "requests", "route", "sent")

    def __init__(self, key: Key, plan: Plan) -> None:
        method, route, status, error_type, *own = key
        assert isinstance(method, str)
        assert isinstance(status, int)
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
