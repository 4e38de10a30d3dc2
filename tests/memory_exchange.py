"""An exchange without a host, for tests of one feature: what the application would send is given, and read back."""

from collections.abc import Callable, Iterable
from urllib.parse import unquote

from perfkit import Exchange, Feature, HeaderName, Reply
from perfkit.exchange import HeaderBlock, Shared, check_header_value, join

Pairs = list[tuple[str, str]]


class MemoryTrust:
    """Believes what the test says."""

    direct = False

    def __init__(self, *, internal: bool = False, scheme: str = "http") -> None:
        self._internal = internal
        self._scheme = scheme

    def address(self, exchange: Exchange) -> str | None:
        return exchange.peer

    def scheme(self, exchange: Exchange) -> str:
        return self._scheme

    def internal(self, exchange: Exchange) -> bool:
        return self._internal


class MemoryExchange(Exchange):
    """One exchange; `headers` are those of the response."""

    def __init__(
        self,
        *,
        internal: bool = False,
        scheme: str = "http",
        method: str = "GET",
        target: str = "/",
        request_headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        super().__init__(MemoryTrust(internal=internal, scheme=scheme))
        self.shared = Shared()
        self.method = method
        self.request_headers = list(request_headers)
        self._target = target
        self.peer = "192.0.2.1"
        self.peer_scheme = "http"
        self.headers: Pairs = []

    def lines(self, name: str) -> list[str]:
        """The field lines of that name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def path(self) -> str:
        return unquote(self._target.partition("?")[0])

    @property
    def target(self) -> str:
        """The path as sent and the query, as in the request line."""
        return self._target

    def set_request_header(self, name: HeaderName, value: str | None) -> None:
        self.request_headers = [field for field in self.request_headers if field[0].lower() != name.lower]
        if value is not None:
            self.request_headers.append((name.title, check_header_value(value)))

    def request_header(self, name: HeaderName) -> str | None:
        return join(value for key, value in self.request_headers if key.lower() == name.lower)

    def response_header_lines(self, name: HeaderName) -> list[str]:
        return self.lines(name.lower)

    def set_header(self, name: HeaderName, value: str) -> None:
        check_header_value(value)
        self.remove_header(name)
        self.headers.append((name.title, value))

    def append_header(self, name: HeaderName, value: str) -> None:
        self.headers.append((name.title, check_header_value(value)))

    def remove_header(self, name: HeaderName) -> None:
        self.headers = [field for field in self.headers if field[0].lower() != name.lower]

    def set_default_headers(self, block: HeaderBlock) -> None:
        present = {name.lower() for name, _ in self.headers}
        self.headers += [field for field in block.fields if field[0].lower() not in present]


def serve(
    feature: Feature,
    app: Callable[[], object] | None = None,
    *,
    status: int = 200,
    headers: Iterable[tuple[str, str]] = (),
    method: str = "GET",
    internal: bool = False,
    scheme: str = "http",
    target: str = "/",
    request_headers: Iterable[tuple[str, str]] = (),
    view: Callable[[MemoryExchange], object] | None = None,
) -> MemoryExchange:
    """Drive one exchange: the application is called, and its response passes through the feature.

    An application that needs the exchange, as for what is shared with it, is given as `view`.
    """
    exchange = MemoryExchange(
        internal=internal, scheme=scheme, method=method, target=target, request_headers=request_headers
    )
    exchange.shared = Shared(feature.offers)
    if isinstance(reply := feature.on_request(exchange), Reply):
        exchange.status = reply.status
        exchange.headers = [(name.title, value) for name, value in reply.fields()]
        feature.on_end(exchange, None)
        return exchange
    error: BaseException | None = None
    try:
        if app is not None:
            app()
        if view is not None:
            view(exchange)
    except Exception as raised:
        error, status = raised, 500
    exchange.status = status
    exchange.headers = list(headers)
    feature.on_response(exchange)
    feature.on_end(exchange, error)
    return exchange
