"""Rate limits of very many clients: memory, the longest pause, and whether a decision stays as quick."""

from __future__ import annotations

from array import array
from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from time import monotonic
from typing import Any

from benchmarks.goals import Ceiling, Share
from benchmarks.model import BARE, Setting, Variant
from benchmarks.rotation import Crowd, Figure, Rotated
from benchmarks.rows import peer
from benchmarks.rows.rate_limit import FIXED_WINDOW, SLIDING_WINDOW, Client, hits, key_of_address
from perfkit.features.rate_limit import MemoryStore, Policy

MILLION, HUNDRED_THOUSAND, TEN_THOUSAND, THOUSAND = 1_000_000, 100_000, 10_000, 1000
# Of clients that come by thousands a second, limits keeps no more at a bearable speed.
MOST_OF_LIMITS = 300_000
QUICK = 2000
# Longer than a process runs.
WINDOW = 24 * 3600
QUOTA, LIMITS = 1000, "1000/day"
SEED = 20261121


class Time:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return monotonic() + self.ahead

    def pass_windows(self) -> None:
        """Until what was taken in this window counts no more in the next."""
        self.ahead += 2 * WINDOW


def limiter(algorithm: Any) -> tuple[Callable[[int], bool], MemoryStore, Time]:
    time = Time()
    store, policy = MemoryStore(2 * MILLION, clock=time), Policy("all", QUOTA, WINDOW, algorithm)
    return lambda key: store.take(policy, key).allowed, store, time


def addresses(algorithm: Any, clients: int) -> Crowd:
    """perfkit, which makes keys of addresses."""
    decide, store, time = limiter(algorithm)
    number = key_of_address()
    return Crowd(
        decide=lambda address: decide(number(Client(address))),
        clients=clients,
        known=lambda: store.size,
        pass_windows=time.pass_windows,
    )


def keys(algorithm: Any, clients: int) -> Crowd:
    """perfkit, where the keys are made already."""
    decide, store, _ = limiter(algorithm)
    chance = Random(SEED)
    made = array("Q", (chance.getrandbits(63) | 1 << 63 for _ in range(clients)))
    return Crowd(decide=decide, clients=clients, client=made.__getitem__, known=lambda: store.size)


def of_limits(strategy: str, clients: int) -> Crowd:
    decide, storage = hits(strategy, LIMITS)
    return Crowd(decide=decide, clients=clients, known=lambda: len(storage.storage))


def of_limits_async(clients: int) -> Crowd:
    aio, item = peer("limits.aio"), peer("limits").parse(LIMITS)
    storage = aio.storage.MemoryStorage()
    hit = aio.strategies.FixedWindowRateLimiter(storage).hit

    def decide(address: str) -> Awaitable[bool]:
        return hit(item, address)  # type: ignore[no-any-return]

    return Crowd(decide=decide, clients=clients, known=lambda: len(storage.storage))


def nothing(clients: int) -> Crowd:
    return Crowd(decide=bool, clients=clients, known=lambda: clients)


def variant(side: Any, limiter: str, clients: int, build: Callable[..., Crowd], *options: Any) -> Variant:
    what = "keys" if build is keys else "addresses"
    return Variant(name=f"{limiter}: {clients:,} {what}", side=side, build=partial(build, *options, clients))


ours = partial(variant, "perfkit")
theirs = partial(variant, "peer")

NEW = (
    theirs("limits, fixed window", MOST_OF_LIMITS, of_limits, FIXED_WINDOW),
    theirs("limits, sliding window", MOST_OF_LIMITS, of_limits, SLIDING_WINDOW),
    ours("perfkit, sliding window", MILLION, addresses, "sliding"),
    ours("perfkit, GCRA", MILLION, addresses, "gcra"),
)
KNOWN = (
    Variant(name=BARE, side="bare", build=partial(nothing, THOUSAND)),
    *(theirs("limits, asyncio", count, of_limits_async) for count in (THOUSAND, TEN_THOUSAND)),
    *(theirs("limits, fixed window", count, of_limits, FIXED_WINDOW) for count in (THOUSAND, HUNDRED_THOUSAND)),
    *(ours("perfkit, sliding window", count, addresses, "sliding") for count in (THOUSAND, HUNDRED_THOUSAND)),
    *(ours("perfkit, sliding window", count, keys, "sliding") for count in (THOUSAND, HUNDRED_THOUSAND, MILLION)),
    *(ours("perfkit, GCRA", count, keys, "gcra") for count in (THOUSAND, HUNDRED_THOUSAND, MILLION)),
)
# Where the process that is started looks for its own.
VARIANTS = (*NEW, *KNOWN)
OURS = tuple(variant.name for variant in NEW if variant.side == "perfkit")


def setting(name: str, title: str, figure: Figure, **options: Any) -> Setting:
    return Setting(
        name=name,
        title=title,
        driver=partial(Rotated, figure=figure),
        quick_driver=partial(Rotated, figure=figure, most=QUICK),
        rounds=2,
        quick_rounds=1,
        copies=1,
        packages=("limits",),
        **options,
    )


MEMORY = setting(
    "rate-limit-memory",
    "Memory of a client of a rate limit",
    "bytes",
    variants=NEW,
    goals=tuple(Ceiling(of=name, at_most=80, unit="B") for name in OURS),
    unit="B",
    note="Each comes once, from a network of its own, as somebody sends who has many addresses. perfkit keeps a number "
    "of each, and two of those that come again in the next window.",
)
PAUSE = setting(
    "rate-limit-pause",
    "The longest decision of a rate limit while as many clients come",
    "worst",
    variants=NEW,
    goals=tuple(Ceiling(of=name, at_most=0.030) for name in OURS),
    unit="ms",
    note="Without the time for which other programs had the processor, in a process that has loaded a framework and "
    "collects its garbage as always; the least of two runs. With perfkit time passes, too, until all of them are "
    "forgotten; with limits it does not, as that would have to be waited for.",
)
LIVE = setting(
    "rate-limit-live",
    "One decision of a rate limit, by how many clients are kept",
    "each",
    variants=KNOWN,
    goals=tuple(
        Share(of=f"{name}: {MILLION:,} keys", against=f"{name}: {THOUSAND:,} keys", at_most=2.0)
        for name in ("perfkit, sliding window", "perfkit, GCRA")
    ),
    note="Of clients that come again, in no order. Nothing of a decision grows with their number; but the tables of a "
    "million keys do not fit into the processor's caches. perfkit remembers the keys of the last 1024 addresses, and "
    "makes that of another anew. limits looks through all of its clients again and again, with asyncio as a part of "
    "the requests, each of which gives the event loop a turn here, and else in a thread beside them.",
)
SETTINGS = (MEMORY, PAUSE, LIVE)
