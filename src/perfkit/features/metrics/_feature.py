"""The feature: what is measured of an exchange, and when."""

from __future__ import annotations

from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from perfkit._paths import Paths
from perfkit.errors import ConfigurationError
from perfkit.exchange import CONTENT_TYPE, Exchange, Reply
from perfkit.feature import Feature, Pending, Position
from perfkit.features.metrics._endings import CLIENT_GONE, SWITCHING_PROTOCOLS, close_class, ending, stream_outcome
from perfkit.features.metrics._families import Plan
from perfkit.features.metrics._lag import none_running, running_loop_getter
from perfkit.features.metrics._options import MetricsOptions
from perfkit.features.metrics._own import Own
from perfkit.options import ConfiguredFeature

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

    from perfkit.features.metrics._cells import Number
    from perfkit.features.metrics._requests import Key, Running

PACKAGE: Final = "prometheus_client"
# Stands for the bytes of a response that never began, or that are not measured.
NOT_SENT: Final = -1


class Connection:
    """A WebSocket connection that has begun; `gauge` counts it while it is open."""

    gauge: Number | None = None


class Metrics(ConfiguredFeature[MetricsOptions]):
    """Measures requests, streams and WebSocket connections, for Prometheus to collect.

    Stacks with the same registry of prometheus-client count together. On by default where prometheus-client is
    installed, which is the extra ``metrics``.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``Metrics(names="short")``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used; where prometheus-client is not installed;
            and where another stack counts into the same registry in another way.
    """

    section = "metrics"
    position = Position.METRICS
    observer = True
    enabled = find_spec(PACKAGE) is not None
    websocket = True
    meters = True
    Options = MetricsOptions

    def __init__(self, options: MetricsOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        options = self.options
        registry = _global_registry() if options.registry is None else options.registry
        # Imported here, since they need prometheus-client.
        from perfkit.features.metrics._exposition import Exposition
        from perfkit.features.metrics._registries import shelf_of

        self._exposition = Exposition(registry)
        plan = Plan(options.names, options.status, options.bounds, options.max_series, tuple(options.labels))
        shelf = shelf_of(registry, plan)
        self._recorder = shelf.recorder
        self._path = options.path
        self._excluded = Paths(options.exclude) if options.exclude else None
        self._streams = frozenset(options.streams)
        self._time_to_first_byte = options.time_to_first_byte
        self._sizes = options.sizes
        self._own = Own(options.labels, options.exemplar)
        self._has_labels = bool(options.labels)
        # Files have no place for them.
        self._has_exemplar = options.exemplar is not None and not shelf.in_files
        self._running_loop = running_loop_getter() if options.loop_lag else none_running
        # Gives the loop that was seen last, as long as it lives.
        self._last_loop: Callable[[], AbstractEventLoop | None] = none_running
        self.features: tuple[Feature, ...] = ()
        shelf.figures.add(self)

    def on_stack(self, features: tuple[Feature, ...]) -> None:
        """Tell the figures of these features too."""
        self.features = (*self.features, *features)

    def on_request(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        path = exchange.path
        if path == self._path and not exchange.websocket:
            reply = self._exposition.reply(exchange)
            if reply is not None:
                return reply
        if self._excluded is not None and self._excluded.find(path) is not None:
            return None
        loop = self._running_loop()
        if loop is not self._last_loop() and loop is not None:
            self._last_loop = self._recorder.samplers.watch(loop)
        exchange.state[self] = Connection() if exchange.websocket else self._recorder.begin(exchange.method)
        return None

    def on_response(self, exchange: Exchange) -> None:
        running: Running | Connection | None = exchange.state.get(self)
        if running is None:  # excluded
            return
        if isinstance(running, Connection):
            if exchange.status == SWITCHING_PROTOCOLS:
                running.gauge = self._recorder.open_websocket()
            return
        if exchange.disconnected:
            running.left = True
            return
        if self._time_to_first_byte:
            seconds = perf_counter() - exchange.started
            running.first_byte = seconds if seconds > 0.0 else 0.0  # noqa: FURB136 - max() is a call
        if exchange.body is None and self._is_stream(exchange):
            self._recorder.stream(running)

    def _is_stream(self, exchange: Exchange) -> bool:
        content_type = exchange.response_header(CONTENT_TYPE)
        return content_type is not None and content_type.partition(";")[0].strip(" \t").lower() in self._streams

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        running: Running | Connection | None = exchange.state.pop(self, None)
        if running is None:  # excluded, or the reply was ours
            return
        seconds = perf_counter() - exchange.started
        if seconds < 0.0:  # noqa: PLR1730 - max() is a call
            seconds = 0.0
        if isinstance(running, Connection):
            self._end_connection(exchange, error, running, seconds)
            return
        recorder = self._recorder
        try:
            status, error_type = exchange.status, ""
            sent = exchange.sent if status and self._sizes and not running.left else NOT_SENT
            received = exchange.received if self._sizes else 0
            if running.left:
                status = CLIENT_GONE
            elif error is not None or not status:
                status, error_type = ending(exchange, error)
            key: Key = (running.method, exchange.route, status, error_type)
            if self._has_labels:
                key += self._own.labels(exchange)
            exemplar = self._own.exemplar(exchange) if self._has_exemplar else None
            outcome = "" if running.stream is None else stream_outcome(exchange, error)
        except BaseException:
            recorder.abandon(running)
            raise
        recorder.end(running, key, seconds, received, sent, exchange.facts, exemplar, outcome)

    def _end_connection(
        self, exchange: Exchange, error: BaseException | None, connection: Connection, seconds: float
    ) -> None:
        self._recorder.end_websocket(
            connection.gauge,
            exchange.route,
            close_class(exchange, error),
            seconds,
            (exchange.messages_received, exchange.messages_sent),
            exchange.facts,
        )


def _global_registry() -> CollectorRegistry:
    try:
        from prometheus_client import REGISTRY
    except ImportError as error:
        problem = "the package prometheus-client is not installed"
        mend = "run: pip install 'perfkit[metrics]', or write metrics = False"
        raise ConfigurationError("metrics", problem, mend) from error
    return REGISTRY
