"""Metrics without a host: exchanges of which all that counts is given, and what was collected of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from unittest.mock import patch

from prometheus_client import CollectorRegistry

from perfkit import Metrics
from perfkit.features.metrics import _feature
from tests.memory_exchange import MemoryExchange

Labels = Mapping[str, str]


class AppError(Exception):
    """What an application raises."""


class WebSocket(MemoryExchange):
    """A WebSocket connection."""

    websocket = True


class Measured:
    """A feature with a registry of its own."""

    def __init__(self, **options: Any) -> None:
        self.registry: CollectorRegistry = options.pop("registry", None) or CollectorRegistry()
        self.metrics = Metrics(registry=self.registry, **options)

    def begin(self, **request: Any) -> MemoryExchange:
        """An exchange whose request has come in."""
        exchange = MemoryExchange(**request)
        exchange.started = 0.0
        assert self.metrics.on_request(exchange) is None
        return exchange

    def respond(
        self,
        exchange: MemoryExchange,
        status: int = 200,
        *,
        after: float = 0.0,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = b"",
    ) -> None:
        """Its response begins so many seconds after the request."""
        exchange.status = status
        exchange.headers = list(headers)
        exchange.body = body
        with patch.object(_feature, "perf_counter", lambda: after):
            self.metrics.on_response(exchange)

    def end(self, exchange: MemoryExchange, error: BaseException | None = None, *, after: float = 0.0) -> None:
        """And it ends so many seconds after the request."""
        with patch.object(_feature, "perf_counter", lambda: after):
            self.metrics.on_end(exchange, error)

    def serve(
        self,
        method: str = "GET",
        route: str | None = "/books/{id}",
        status: int = 200,
        *,
        target: str = "/books/1",
        seconds: float = 0.0,
        error: BaseException | None = None,
        facts: Mapping[str, Any] | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | None = b"",
        **counted: Any,
    ) -> MemoryExchange:
        """One exchange from its beginning to its end; one of status 0 has no response."""
        exchange = self.begin(method=method, target=target)
        exchange.route = route
        if status:
            self.respond(exchange, status, headers=headers, body=body, after=seconds / 2)
        for name, value in counted.items():  # as it is by then: a client that leaves does so during the response
            setattr(exchange, name, value)
        exchange.facts.update(facts or {})
        self.end(exchange, error, after=seconds)
        return exchange

    def connect(self, status: int = 101, *, route: str | None = "/chat", **counted: Any) -> WebSocket:
        """A connection whose handshake has been answered, but for one of status 0."""
        exchange = WebSocket(target="/chat")
        exchange.started = 0.0
        exchange.route = route
        for name, value in counted.items():
            setattr(exchange, name, value)
        assert self.metrics.on_request(exchange) is None
        if status:
            self.respond(exchange, status, body=None)
        return exchange

    def flush(self) -> None:
        """Count what waits to be counted, as each look at the values does."""
        self.metrics._recorder.flush()

    def value(self, name: str, /, **labels: str) -> float | None:
        """The value of one series; None where there is no such series."""
        return self.registry.get_sample_value(name, labels)

    def all(self, name: str) -> dict[tuple[str, ...], float]:
        """The values of all series of a name, by the values of their labels in the order of their names."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in self.registry.collect()
            for sample in family.samples
            if sample.name == name
        }

    def names(self) -> set[str]:
        """The names of all metrics that are shown."""
        return {family.name for family in self.registry.collect()}
