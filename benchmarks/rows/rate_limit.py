"""Rate limits: one decision, and the whole middleware."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any

from benchmarks.goals import Share
from benchmarks.inprocess import Asgi, InProcess
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rows import peer
from benchmarks.rows.asgi import bare, with_perfkit
from benchmarks.single import Awaited, Called
from perfkit import RateLimit
from perfkit.features.rate_limit import AddressPrefixes, Keys, MemoryStore, Policy
from perfkit.features.rate_limit._partitions import Partition

ADDRESS = "192.0.2.1"
# So many that none is ever refused.
QUOTA, WINDOW = 1_000_000, 60
LIMITS = f"{QUOTA}/minute"

# Strategies of `limits`.
FIXED_WINDOW, SLIDING_WINDOW = "FixedWindowRateLimiter", "SlidingWindowCounterRateLimiter"

FIXED = "limits: fixed window, hit and stats"
SLIDING = "limits: sliding window, hit and stats"
ASGI_RATELIMIT = "asgi-ratelimit"
SLOWAPI = "slowapi, on BaseHTTPMiddleware"
SLOWAPI_ASGI = "slowapi, its ASGI class"
BY_HAND = "limits by hand, sliding window"
OURS = "perfkit: RateLimit"
OURS_SLIDING = "perfkit: sliding window"
OURS_GCRA = "perfkit: GCRA"

FIELDS = ("ratelimit", "ratelimit-policy")
LEGACY_FIELDS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")


# One decision


class Client:
    """As much of an exchange as a decision needs."""

    def __init__(self, address: str) -> None:
        self.client = address


def key_of_address() -> Callable[[Any], int]:
    """What makes perfkit's key of a `Client`."""
    return Partition("ip", Keys("perfkit", "all"), AddressPrefixes()).number


def decides(algorithm: Any) -> Callable[[], bool]:
    """perfkit's decision, with the key made of the address."""
    number, client = key_of_address(), Client(ADDRESS)
    store, policy = MemoryStore(), Policy("all", QUOTA, WINDOW, algorithm)
    return lambda: store.take(policy, number(client))[0]


def hits(strategy: str, item: str) -> tuple[Callable[[str], bool], Any]:
    """What `limits` takes to decide on an address and to know what is left: two calls. And its storage."""
    limits, strategies = peer("limits"), peer("limits.strategies")
    storage = limits.storage.MemoryStorage()
    limiter = getattr(strategies, strategy)(storage)
    hit, stats, limit = limiter.hit, limiter.get_window_stats, limits.parse(item)
    return lambda address: bool(hit(limit, address) and stats(limit, address)), storage


def hits_one(strategy: str) -> Callable[[], bool]:
    decide, _ = hits(strategy, LIMITS)
    return lambda: decide(ADDRESS)


def asks_backend() -> Callable[[], Awaitable[bool]]:
    backend = peer("ratelimit.backends.simple").MemoryBackend()
    rule = peer("ratelimit").Rule(minute=QUOTA)

    async def decide() -> bool:
        return await backend.retry_after("/", ADDRESS, rule) == 0  # type: ignore[no-any-return]

    return decide


def calls(variant: Variant) -> InProcess:
    function = variant.build()
    return Awaited(function) if iscoroutinefunction(function) else Called(function)


DECISION_WHY = "1.5 us where limits takes 5.5"
DECISION = Setting(
    name="rate-limit-decision",
    title="One decision of a rate limit, in memory",
    driver=calls,
    variants=(
        Variant(name=BARE, side="bare", build=lambda: lambda: True),
        Variant(name=FIXED, side="peer", build=lambda: hits_one(FIXED_WINDOW)),
        Variant(name=SLIDING, side="peer", build=lambda: hits_one(SLIDING_WINDOW)),
        Variant(name=ASGI_RATELIMIT, side="peer", build=asks_backend),
        Variant(name=OURS_SLIDING, side="perfkit", build=lambda: decides("sliding")),
        Variant(name=OURS_GCRA, side="perfkit", build=lambda: decides("gcra")),
    ),
    goals=(
        Share(of=OURS_SLIDING, against=FIXED, at_most=1.5 / 5.5, why=DECISION_WHY),
        Share(of=OURS_SLIDING, against=SLIDING),
        Share(of=OURS_SLIDING, against=ASGI_RATELIMIT),
        Share(of=OURS_GCRA, against=FIXED, at_most=1.5 / 5.5, why=DECISION_WHY),
    ),
    note="Of a client that comes again and again. perfkit makes a key of the address, takes, and knows what is left "
    "and when there is more. With limits that takes two calls. asgi-ratelimit counts fixed windows down, and does not "
    "tell what is left.",
    packages=("limits", "asgi-ratelimit"),
)


# The whole middleware


def limited(**rule: Any) -> RateLimit:
    return RateLimit(rules=[{"name": "all", "limits": LIMITS, **rule}])


def with_slowapi(middleware: str) -> Any:
    app, slowapi = bare(), peer("slowapi")
    by_address = peer("slowapi.util").get_remote_address
    app.state.limiter = slowapi.Limiter(key_func=by_address, default_limits=[LIMITS], headers_enabled=True)
    app.add_middleware(getattr(peer("slowapi.middleware"), middleware))
    return app


def with_asgi_ratelimit(app: Any) -> Any:
    package = peer("ratelimit")
    backend = peer("ratelimit.backends.simple").MemoryBackend()

    async def by_address(scope: Any) -> tuple[str, str]:
        return scope["client"][0], "default"

    return package.RateLimitMiddleware(app, by_address, backend, {r"^/": [package.Rule(minute=QUOTA)]})


def by_hand() -> Callable[[str], tuple[bool, tuple[str, str, str]]]:
    """The least that limits: tells whether an address is admitted, and the values of `LEGACY_FIELDS`."""
    limits = peer("limits")
    limiter = getattr(peer("limits.strategies"), SLIDING_WINDOW)(limits.storage.MemoryStorage())
    item = limits.parse(LIMITS)

    def decide(address: str) -> tuple[bool, tuple[str, str, str]]:
        allowed = limiter.hit(item, address)
        reset, remaining = limiter.get_window_stats(item, address)
        return allowed, (str(item.amount), str(remaining), str(int(reset)))

    return decide


def with_limits_by_hand(app: Any) -> Any:
    """Knows no proxies, networks and rules."""
    decide = by_hand()
    names = [name.encode() for name in LEGACY_FIELDS]

    async def middleware(scope: Any, receive: Any, send: Any) -> None:
        allowed, values = decide(scope["client"][0])
        state = [(name, value.encode()) for name, value in zip(names, values, strict=True)]

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *state]}
            await send(message)

        if allowed:
            await app(scope, receive, send_with_headers)
        else:
            await send({"type": "http.response.start", "status": 429, "headers": state})
            await send({"type": "http.response.body", "body": b""})

    return middleware


ASGI_NOTE = (
    "perfkit tells with RateLimit and RateLimit-Policy what is left, slowapi and the one by hand with three "
    "X-RateLimit headers, asgi-ratelimit not at all. slowapi is configured for every route of the application, with "
    "fixed windows, as it is by default."
)
ASGI = Setting(
    name="rate-limit",
    title="ASGI, a rate limit on a small JSON response of Starlette's",
    driver=lambda variant: Asgi(variant.build()),
    variants=(
        Variant(name=BARE, side="bare", build=bare),
        Variant(name=SLOWAPI, side="peer", build=lambda: with_slowapi("SlowAPIMiddleware"), expects=LEGACY_FIELDS),
        Variant(
            name=SLOWAPI_ASGI, side="peer", build=lambda: with_slowapi("SlowAPIASGIMiddleware"), expects=LEGACY_FIELDS
        ),
        Variant(name=ASGI_RATELIMIT, side="peer", build=lambda: with_asgi_ratelimit(bare())),
        Variant(name=BY_HAND, side="peer", build=lambda: with_limits_by_hand(bare()), expects=LEGACY_FIELDS),
        Variant(name=OURS, side="perfkit", build=lambda: with_perfkit(bare(), limited()), expects=FIELDS),
        Variant(
            name=f"{OURS}, GCRA",
            side="perfkit",
            build=lambda: with_perfkit(bare(), limited(algorithm="gcra")),
            expects=FIELDS,
        ),
        Variant(
            name=f"{OURS}, two limits",
            side="perfkit",
            build=lambda: with_perfkit(bare(), limited(limits=f"{LIMITS}, {2 * QUOTA}/hour")),
            expects=FIELDS,
        ),
    ),
    goals=(
        Share(of=OURS, against=SLOWAPI, at_most=1 / 10),
        Share(of=OURS, against=SLOWAPI_ASGI),
        Share(of=OURS, against=ASGI_RATELIMIT),
        Share(of=OURS, against=BY_HAND),
        Share(of=f"{OURS}, GCRA", against=SLOWAPI, at_most=1 / 10),
        Share(of=f"{OURS}, two limits", against=SLOWAPI),
    ),
    note=ASGI_NOTE,
    packages=("starlette", "slowapi", "limits", "asgi-ratelimit"),
)
SETTINGS = (DECISION, ASGI)
