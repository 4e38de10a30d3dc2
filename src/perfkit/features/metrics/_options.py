"""The options of the section ``metrics``."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from math import isfinite
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from perfkit.exchange import Exchange
from perfkit.features.metrics._labels import LABEL_NAME
from perfkit.features.metrics._series import DURATION, REQUESTS, SECONDS
from perfkit.options import BadOption, Options

EVENT_STREAM: Final = "text/event-stream"

# Those of histograms and summaries, and those that Prometheus adds to everything it collects.
RESERVED: Final = frozenset({"le", "quantile", "job", "instance"})
_MEDIA_TYPE: Final = re.compile(r"[!#$&^_.+a-z0-9-]+/[!#$&^_.+a-z0-9-]+", re.ASCII)


class MetricsOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``metrics``.

    Attributes:
        names: how series and labels are called: as in OpenTelemetry, or in short.
        status: what the histograms of durations tell of the status: its class or the exact one. The counter of
            requests always has the exact one.
        buckets: upper bounds of the buckets of durations, in seconds. None: 5 ms to 10 s.
        max_series: the most combinations of labels of one metric. All after them count as ``__overflow__``.
        exclude: paths whose requests are not measured, with ``*`` for any characters.
        streams: content types of streams that have series of their own, as they stay open for long.
        time_to_first_byte: whether to measure the time to the start of the response too.
        sizes: whether to measure the bytes of bodies.
        loop_lag: whether to measure how late asyncio's event loop is, where one runs.
        labels: labels of your own: names, and functions that are given the exchange when it has ended. Only in code.
        exemplar: a function that gives the id of the trace of an exchange, or None. Only in code.
        path: where the metrics are shown to clients that may see internals; None for nowhere.
        registry: the registry of prometheus-client to use. None: its global one. Only in code.
    """

    names: Literal["otel", "short"] = "otel"
    status: Literal["class", "exact"] = "class"
    buckets: tuple[float, ...] | None = None
    max_series: Annotated[int, Meta(ge=1)] = 1000
    exclude: tuple[str, ...] = ()
    streams: tuple[str, ...] = (EVENT_STREAM,)
    time_to_first_byte: bool = True
    sizes: bool = True
    loop_lag: bool = True
    labels: dict[str, Callable[[Exchange], str]] = {}  # noqa: RUF012 - msgspec copies it
    exemplar: Callable[[Exchange], str | None] | None = None
    path: str | None = "/metrics"
    registry: Any = None

    def __post_init__(self) -> None:
        if self.buckets is not None:
            self._check_buckets(self.buckets)
        for name in self.labels:
            self._check_label(name)
        for index, path in enumerate(self.exclude):
            if not path.startswith(("/", "*")):
                raise BadOption(f"exclude[{index}]", f"{path!r} is no path", "begin it with '/', as in '/static/*'")
        for index, kind in enumerate(self.streams):
            if not _MEDIA_TYPE.fullmatch(kind):
                problem = f"{kind!r} is not a content type in lower case, without parameters"
                raise BadOption(f"streams[{index}]", problem, f"write for example {EVENT_STREAM!r}")
        if self.path is not None and not self.path.startswith("/"):
            raise BadOption("path", f"{self.path!r} is no path", "begin it with '/', or write None for no path")
        if self.registry is not None and not callable(getattr(self.registry, "register", None)):
            raise BadOption("registry", "this is no registry", "give a prometheus_client.CollectorRegistry, in code")

    def _check_buckets(self, buckets: tuple[float, ...]) -> None:
        if not buckets:
            raise BadOption("buckets", "there is none", "write for example [0.01, 0.1, 1], or leave it out")
        for index, bound in enumerate(buckets):
            if not (isfinite(bound) and bound > 0):
                mend = "write seconds above 0; the bucket for all above the last is added"
                raise BadOption(f"buckets[{index}]", f"{bound!r} is no bound", mend)
        for index, (low, high) in enumerate(pairwise(buckets), 1):
            if low >= high:
                raise BadOption(f"buckets[{index}]", f"{high!r} is not more than {low!r}", "write them in order")

    def _check_label(self, name: str) -> None:
        option = f"labels.{name}"
        if not LABEL_NAME.fullmatch(name) or name in RESERVED:
            mend = "write letters, digits and '_', as in 'tenant'; not 'le', 'quantile', 'job', 'instance' or '__...'"
            raise BadOption(option, f"{name!r} cannot be the name of a label", mend)
        if any(name in series.label_names(self.names) for series in (REQUESTS, DURATION)):
            raise BadOption(option, f"there is a label {name!r} already", "write another name")

    @property
    def bounds(self) -> tuple[float, ...]:
        """The buckets of durations."""
        return SECONDS if self.buckets is None else self.buckets
