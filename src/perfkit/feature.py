"""The contract between features and hosts.

A feature is one concern with up to four hooks. Write only the hooks you need: a stack calls no other. The hooks of one
exchange are called one after the other, never two at a time, but not always on the same thread; different exchanges
run their hooks at the same time. So keep what belongs to an exchange in ``exchange.state[self]`` and what belongs to
the feature behind a lock, or do not change it after construction.

The hooks of all features form an onion, crossed once::

    on_request    outermost first    may answer early
    on_view       outermost first    may answer early; only where the framework tells (Django)
        ... the application ...
    on_response   innermost first    status and headers known, nothing sent
    on_end        innermost first    exactly once, after the last byte or the failure

A feature that answers early is the innermost one of that exchange: those inside it see nothing, those outside it see
its reply in `on_response`, and it and those outside it see `on_end`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import ClassVar, Generic, Literal, NamedTuple, TypeVar

from perfkit._shared import NOTHING, Offer
from perfkit._threads import on_thread
from perfkit.exchange import Exchange, Reply

T = TypeVar("T")
U = TypeVar("U")


class Figure(NamedTuple):
    """A number a feature keeps: see `Feature.figures`.

    Attributes:
        name: a name of Prometheus, with the unit and without ``_total``: ``"perfkit_rate_limit_keys"``.
        value: the number now.
        help: what it is, in one sentence.
        kind: whether it only rises (``"counter"``), or also falls.
        labels: what tells it from others of the same name.
    """

    name: str
    value: float
    help: str
    kind: Literal["counter", "gauge"] = "gauge"
    labels: Mapping[str, str] = {}


class Feature:
    """One concern of an exchange.

    Class attributes:
        section: name of the part of the settings that configures the feature; empty for features made in code only.
        position: where it stands in the stack; lower is further out. perfkit's own features use the values of
            `Position`; a feature without one stands next to the application.
        observer: whether it only observes. An error in a hook of an observer is logged once and the exchange goes on
            without it. An error in a hook of any other feature is an error of the application: a check that fails must
            not let the request pass. (Errors in `on_end` are always logged only, as the response is gone.)
        websocket: whether it also wants WebSocket connections (ASGI). There, `on_request` is called at the handshake,
            where a Reply refuses it; `on_response` at its answer, with status 101 if it is accepted; `on_end` when the
            connection is over.
        encodes: whether it may set an encoder. The ASGI host then hides the server's zero-copy extension from the
            application, as what goes past the host cannot be encoded.
        hold: how many bytes a body that comes in pieces may have to be given as a whole, where the host can tell at
            once that it is over: for what is not worth an encoder. `exchange.streamed` says that it came in pieces.
        shares: whether it uses `exchange.shared`, which is there only then.
        meters: whether it uses what an exchange tells of bodies that come in, messages, and clients that leave:
            `Exchange.received` and what follows it. Counted only then; so is, on WSGI, the route found.
        offers: what the application can ask for by name in `exchange.shared`, and what makes it then. Only where it
            `shares`.
    """

    section: ClassVar[str] = ""
    position: ClassVar[int] = 1000
    observer: ClassVar[bool] = False
    websocket: ClassVar[bool] = False
    encodes: ClassVar[bool] = False
    hold: ClassVar[int] = 0
    shares: ClassVar[bool] = False
    meters: ClassVar[bool] = False
    offers: ClassVar[Mapping[str, Offer]] = NOTHING

    def on_stack(self, features: tuple[Feature, ...]) -> None:
        """Know the features of the stack this one is in, itself among them: called once, when the stack is made."""

    def figures(self) -> Iterable[Figure]:
        """What the feature counts by itself, for those who tell it on. May be called at any time, on any thread."""
        return ()

    def on_request(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        """Look at the request before the application does.

        Returns:
            None to go on, or a `Reply` to answer instead of the application.
        """

    def on_view(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        """Look at the request once the framework has chosen a view and the middlewares inside ours have run.

        `exchange.route` is known here. Called by the Django host only; the other protocols do not tell.
        """

    def on_response(self, exchange: Exchange) -> Pending[None] | None:
        """Look at the response, and change it, before any of it is sent."""

    def on_end(self, exchange: Exchange, error: BaseException | None) -> Pending[None] | None:
        """Finish: the last byte was handed to the server, or the exchange failed.

        Args:
            exchange: the exchange; its response can no longer be changed.
            error: what ended it: the application's exception, a cancellation, the client's disconnect, or
                `IncompleteResponseError` where the application just stopped. None for a response that was sent whole,
                except that an answer of 500 and above carries the exception it answers where the host learns of it.
        """


class Position:
    """Where perfkit's own features stand, outermost first."""

    HEALTH = 100
    METRICS = 200
    TIMING = 300
    SECURITY_HEADERS = 400
    RATE_LIMIT = 500
    COMPRESSION = 600
    CACHE_CONTROL = 700
    CONDITIONAL_GET = 800
    QUERY_WATCH = 900


class Pending(Generic[T]):
    """What a hook returns that must wait: a value with two ways to finish.

    Hosts that block call `run`; hosts on an event loop await `run_async`. Return one only when there is something to
    wait for: an exchange without one never leaves the fast path.

    Args:
        run: finishes by blocking the thread it is called on.
        run_async: finishes without blocking the event loop. By default `run` on a worker thread, which suits work for
            the processor and libraries that only block.
    """

    __slots__ = ("_run", "_run_async")

    def __init__(self, run: Callable[[], T], run_async: Callable[[], Awaitable[T]] | None = None) -> None:
        self._run = run
        self._run_async = run_async

    def run(self) -> T:
        """Finish by blocking."""
        return self._run()

    async def run_async(self) -> T:
        """Finish without blocking the event loop."""
        if self._run_async is not None:
            return await self._run_async()
        return await on_thread(self._run)

    def then(self, onward: Callable[[T], U | Pending[U]]) -> Pending[U]:
        """A pending that goes on with this one's result, which may make another."""

        def run() -> U:
            result = onward(self.run())
            return result.run() if isinstance(result, Pending) else result

        async def run_async() -> U:
            result = onward(await self.run_async())
            return await result.run_async() if isinstance(result, Pending) else result

        return Pending(run, run_async)

    def guarded(self, report: Callable[[Exception], None]) -> Pending[T | None]:
        """A pending that hands an error to `report` and gives None instead of raising."""

        def run() -> T | None:
            try:
                return self.run()
            except Exception as error:  # noqa: BLE001 - it is reported
                report(error)
                return None

        async def run_async() -> T | None:
            try:
                return await self.run_async()
            except Exception as error:  # noqa: BLE001 - it is reported
                report(error)
                return None

        return Pending(run, run_async)
