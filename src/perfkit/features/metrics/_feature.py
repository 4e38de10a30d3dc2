"""The feature: what is measured of an exchange, and when."""

from __future__ import annotations

from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from perfkit._paths import Paths
from perfkit.errors import ConfigurationError
from perfkit.exchange import CONTENT_TYPE, Exchange, Reply
from perfkit.feature import Feature, Pending, Position
from perfkit.features.metrics._endings import CLIENT_GONE, SWITCHING_PROTOCOLS, close_class, ending, stream_outcome
from perfkit.features.metrics._facts import told
from perfkit.features.metrics._families import Plan
from perfkit.features.metrics._labels import METHODS, OTHER
from perfkit.features.metrics._lag import none_running, running_loop_getter
from perfkit.features.metrics._options import MetricsOptions
from perfkit.features.metrics._own import Own
from perfkit.features.metrics._requests import Running
from perfkit.options import ConfiguredFeature

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from perfkit.features.metrics._cells import Number
    from perfkit.features.metrics._requests import Key

PACKAGE: Final = "prometheus_client"
# How many requests are counted together: long enough a queue to be quick, and over in a tenth of a millisecond.
BATCH: Final = 128
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
        self._begun = shelf.recorder.begun
        self._ended = shelf.recorder.ended
        self._path = options.path
        self._excluded = Paths(options.exclude) if options.exclude else None
        self._streams = frozenset(options.streams)
        self._time_to_first_byte = options.time_to_first_byte
        self._sizes = options.sizes
        self._own = Own(options.labels, options.exemplar)
        self._has_labels = bool(options.labels)
        self._in_files = shelf.in_files
        # Files have no place for them.
        self._has_exemplar = options.exemplar is not None and not shelf.in_files
        # Others read the files at any time.
        self._batch = 1 if self._in_files else BATCH
        self._running_loop = running_loop_getter() if options.loop_lag else none_running
        self._looks = True
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
        if self._looks:
            self._look_at_loop()
        if exchange.websocket:
            exchange.state[self] = Connection()
            return None
        method = exchange.method
        if method not in METHODS:
            method = OTHER
        running = exchange.state[self] = Running()
        running.method = method
        self._begun.append(method)
        if self._in_files:
            self._recorder.flush()
        return None

    def _look_at_loop(self) -> None:
        """See that the loop that runs is sampled. To ask for it costs, so it is not done for each request."""
        self._looks = False
        loop = self._running_loop()
        if loop is not None:
            self._recorder.samplers.watch(loop, self._recorder)
            self._loop = ref(loop, self._lost_loop)

    def _lost_loop(self, _: object) -> None:
        self._looks = True

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
            running.responded = perf_counter()
        if exchange.body is None and self._is_stream(exchange):
            running.stream = True
            self._recorder.open_stream()

    def _is_stream(self, exchange: Exchange) -> bool:
        content_type = exchange.response_header(CONTENT_TYPE)
        return content_type is not None and content_type.partition(";")[0].strip(" \t").lower() in self._streams

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        now = perf_counter()
        running: Running | Connection | None = exchange.state.pop(self, None)
        if running is None:  # excluded, or the reply was ours
            return
        if isinstance(running, Connection):
            self._end_connection(exchange, error, running, now)
            return
        ended = self._ended
        try:
            # All of it here, since to call functions would cost as much again.
            status, error_type = exchange.status, ""
            sent = exchange.sent if status and self._sizes and not running.left else NOT_SENT
            if running.left:
                status = CLIENT_GONE
            elif error is not None or not status:
                status, error_type = ending(exchange, error)
            key: Key = (running.method, exchange.route, status, error_type)
            if self._has_labels:
                key += self._own.labels(exchange)
            started, responded, facts = exchange.started, running.responded, exchange.facts
            ended.append(
                (
                    key,
                    now - started,
                    None if responded is None else responded - started,
                    exchange.received if self._sizes else 0,
                    sent,
                    told(facts) if facts else None,
                    self._own.exemplar(exchange) if self._has_exemplar else None,
                    stream_outcome(exchange, error) if running.stream else "",
                )
            )
        except BaseException:
            self._recorder.abandon(running)
            raise
        if len(ended) >= self._batch:
            self._looks = True
            self._recorder.flush()

    def _end_connection(
        self, exchange: Exchange, error: BaseException | None, connection: Connection, now: float
    ) -> None:
        self._recorder.end_websocket(
            connection.gauge,
            exchange.route,
            close_class(exchange, error),
            now - exchange.started,
            (exchange.messages_received, exchange.messages_sent),
            told(exchange.facts),
        )


def _global_registry() -> CollectorRegistry:
    try:
        from prometheus_client import REGISTRY
    except ImportError as error:
        problem = "the package prometheus-client is not installed"
        mend = "run: pip install 'perfkit[metrics]', or write metrics = False"
        raise ConfigurationError("metrics", problem, mend) from error
    return REGISTRY
