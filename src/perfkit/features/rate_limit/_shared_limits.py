"""The other servers, by way of the package limits: Memcached and MongoDB.

What its interface does not offer cannot be had here. Policies are asked one after the other, each in two round trips,
and what was taken is given back where a later one refuses; a request in between may see it taken. Only the
sliding-window counter is there, and with Memcached some requests more than the quota are admitted where many come at
the same time. The windows of all keys begin at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from hashlib import blake2b
from importlib.util import find_spec
from math import inf
from threading import Lock
from typing import Any, Final

from perfkit._threads import on_thread
from perfkit.features.rate_limit._decision import AHEAD, Decision
from perfkit.features.rate_limit._meter import MAX_AMOUNT
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._rates import MAX_WINDOW
from perfkit.features.rate_limit._shared_backend import Entry, Operation, StoreOptions, shown
from perfkit.options import BadOption

# What stores there are. limits may have been taught others.
KNOWN: Final = (
    "memory://",
    "redis://",
    "rediss://",
    "unix://",
    "redis+cluster://",
    "redis+sentinel://",
    "memcached://",
    "mongodb://",
)
EXAMPLE: Final = "redis://localhost:6379/0"
# The packages that limits needs.
_CLIENTS: Final = {"memcached": "pymemcache", "mongodb": "pymongo", "mongodb+srv": "pymongo"}
# What each client calls its timeouts, and how many of them make a second.
_TIMEOUTS: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "memcached": (("connect_timeout", "timeout"), 1),
    "mongodb": (("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS"), 1000),
    "mongodb+srv": (("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS"), 1000),
}
# Memcached takes a time to live of more than thirty days for a date, and what limits stores for two windows for gone.
_LONGEST: Final = {"memcached": 15 * 24 * 60 * 60}
# Of schemes that others have added to limits, nobody knows.
_NONE: Final[tuple[tuple[str, ...], int]] = ((), 1)


class Limits:
    """A storage of the package limits.

    Args:
        uri: as limits reads it.
        options: the options of the section.

    Raises:
        BadOption: limits or the client of the server is not installed, or cannot use the URI.
    """

    def __init__(self, uri: str, options: StoreOptions) -> None:
        self.name = shown(uri)
        self._namespace = options.namespace
        self._names: dict[Policy, str] = {}
        scheme = uri.partition("://")[0]
        self._longest = _LONGEST.get(scheme, MAX_WINDOW)
        names, second = _TIMEOUTS.get(scheme, _NONE)
        timeouts: dict[str, Any] = dict.fromkeys(names, options.store_timeout * second)
        if second > 1:
            timeouts = {name: int(value) or 1 for name, value in timeouts.items()}
        self._lock = Lock()
        self._memcached: Any = None
        own = {"client_getter": self._shared_client} if scheme == "memcached" else {}
        self._storage = _storage(uri, {**timeouts, **own, **options.store_options})

    def ask(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        if operation == "take":
            return self._take(entries)
        return [self._do(operation, entry) for entry in entries]

    async def ask_async(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        return await on_thread(lambda: self.ask(operation, entries))

    def check(self, policy: Policy) -> None:
        mend = "Redis, and the memory of each process, can"
        if policy.algorithm != "sliding":
            raise BadOption("store", f"{self.name} cannot count by {policy.algorithm!r}, only by 'sliding'", mend)
        if policy.window > self._longest:
            problem = f"{self.name} cannot count in windows of {policy.window} s, only of up to {self._longest}"
            raise BadOption("store", problem, mend)

    def forget(self, policy: Policy) -> None:
        """Forget what has been worked out for a policy."""
        self._names.pop(policy, None)

    def forked(self) -> None:
        self._lock = Lock()

    def close(self) -> None:
        if self._memcached:
            self._memcached.close()
        # The other storages close their connections when they are gone.

    async def aclose(self) -> None:
        self.close()

    def _shared_client(self, module: Any, hosts: list[Any], **arguments: Any) -> Any:
        """One client with a pool: limits would make one for each thread, and close none."""
        with self._lock:
            if self._memcached is None:
                if len(hosts) > 1:
                    self._memcached = module.HashClient(hosts, use_pooling=True, **arguments)
                else:
                    self._memcached = module.PooledClient(hosts[0], **arguments)
            return self._memcached

    def _take(self, entries: Sequence[Entry]) -> list[Decision]:
        for at, entry in enumerate(entries):
            if entry.amount and not self._add(entry, entry.policy.quota):
                for taken in entries[:at]:
                    self._settle(taken._replace(amount=-taken.amount))
                return [self._refused(each) if each is entry else self._do("peek", each) for each in entries]
        # Even if others have taken since what would be needed.
        return [self._standing(entry, 0)._replace(allowed=True, retry_after=0.0) for entry in entries]

    def _refused(self, entry: Entry) -> Decision:
        """What is said of a policy that has refused, even if the time has come meanwhile."""
        return self._standing(entry, entry.amount)._replace(allowed=False)

    def _do(self, operation: Operation, entry: Entry) -> Decision:
        if operation == "settle":
            self._settle(entry)
        elif operation == "reset":
            self._storage.clear_sliding_window(self._key(entry), entry.policy.window)
        return self._standing(entry, entry.amount if operation == "peek" else 0)

    def _settle(self, entry: Entry) -> None:
        if entry.amount > 0:
            self._add(entry, MAX_AMOUNT)
        elif entry.amount < 0 and hasattr(self._storage, "call_memcached_func"):
            # Memcached adds nothing below 0, and takes away nothing beyond.
            keys = self._storage.sliding_window_keys(self._key(entry), entry.policy.window, time.time())
            self._storage.storage.decr(keys[1], -entry.amount)
        elif entry.amount < 0:
            current = self._window(entry)[2]
            self._add(entry._replace(amount=-min(-entry.amount, current)), MAX_AMOUNT)

    def _add(self, entry: Entry, most: int) -> bool:
        """Take an amount unless it would be more than this."""
        window = entry.policy.window
        return bool(self._storage.acquire_sliding_window_entry(self._key(entry), most, window, entry.amount))

    def _window(self, entry: Entry) -> tuple[int, float, int, float]:
        """What was taken in the window before, seconds for which that still counts, and the same of this one."""
        found: tuple[int, float, int, float] = self._storage.get_sliding_window(self._key(entry), entry.policy.window)
        return found

    def _standing(self, entry: Entry, cost: int) -> Decision:
        """What the policy says to a cost, with the figures as they stand.

        The storages allow what they round down: for them 4.9 units of 5 leave room for one more.
        """
        quota, window = entry.policy.quota, entry.policy.window
        previous, left, current, lasts = self._window(entry)
        used = previous * left / window + current
        free = quota - int(used + AHEAD)
        reset = lasts if current else left if previous else 0.0
        if cost > quota:
            return Decision(False, max(free, 0), reset, inf)
        if cost <= free:
            return Decision(True, free, reset, 0.0)
        return Decision(False, max(free, 0), reset, _retry(quota - cost, window, (previous, left, current, lasts)))

    def _key(self, entry: Entry) -> str:
        """A key that every server takes: short, and without anything that users or clients have written."""
        name = self._names.get(entry.policy)
        if name is None:
            self.check(entry.policy)  # better no answer than a wrong one
            text = f"{self._namespace}\0{entry.policy.name}\0{entry.policy.window}"
            name = self._names[entry.policy] = blake2b(text.encode(), digest_size=8).hexdigest()
        return f"{name}:{entry.key:x}"


def _retry(room: int, window: int, found: tuple[int, float, int, float]) -> float:
    """When no more than this is used: then a request of the cost is admitted."""
    previous, left, current, lasts = found
    room_now = room + 1 - current  # as they round down
    if room_now > 0:
        return max(left - window * room_now / previous, 0.0) + AHEAD
    # In the next window, where this one counts less and less.
    return max(lasts - window * (room + 1) / current, lasts - window) + AHEAD


def _storage(uri: str, arguments: dict[str, Any]) -> Any:
    scheme = uri.partition("://")[0]
    unknown = BadOption("store", f"{scheme}:// is no store", f"write one of {', '.join(KNOWN)}")
    try:
        from limits.errors import ConfigurationError
        from limits.storage import storage_from_string
    except ImportError:
        if scheme not in _CLIENTS:
            raise unknown from None
        raise BadOption("store", f"{shown(uri)} needs the package limits", "pip install 'perfkit[limits]'") from None
    client = _CLIENTS.get(scheme)
    if client is not None and find_spec(client) is None:
        raise BadOption("store", f"{shown(uri)} needs the package {client}", f"pip install {client}")
    try:
        storage = storage_from_string(uri, **arguments)
    except (ConfigurationError, ImportError, TypeError, ValueError) as error:
        if "unknown storage scheme" in str(error):
            raise unknown from None
        raise BadOption("store", str(error).replace(uri, shown(uri)), f"write for example '{EXAMPLE}'") from None
    if not hasattr(storage, "get_sliding_window"):
        raise BadOption("store", f"{shown(uri)} has no sliding window", f"write for example '{EXAMPLE}'")
    return storage
