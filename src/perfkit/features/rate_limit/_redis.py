"""Redis and Valkey: one script that decides for all policies of a request, in one round trip.

Times are the server's, so that the clocks of the applications do not matter. Keys look like
``{perfkit}:login:sliding-60:8f0c...``. The braces put all keys of a namespace on one node of a cluster, as those of one
request have to be decided in one step. Every key expires when it has nothing to say any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, TypeAlias

from perfkit._threads import on_asyncio, on_thread
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._generations import SHARDS
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._redis_async import Lines
from perfkit.features.rate_limit._redis_keys import Keyspace
from perfkit.features.rate_limit._shared_backend import LEASE, REDIS, Entry, Operation, StoreOptions, shown
from perfkit.options import BadOption

_Argument: TypeAlias = str | bytes | int | float


class Redis:
    """A server of Redis 5 or later, or Valkey.

    Args:
        uri: ``redis://user:password@host:6379/0``, ``rediss://`` with TLS, ``unix:///path?db=0``; ``valkey://`` alike.
        options: the options of the section.
        clock: tests only: the time, in place of the server's.

    Raises:
        BadOption: the client is not installed, or cannot use the URI or the options.

    Attributes:
        keys: what is stored.
    """

    def __init__(self, uri: str, options: StoreOptions, clock: Callable[[], float] | None = None) -> None:
        self.name = shown(uri)
        self._prefix = f"{{{options.namespace}}}:"
        self._clock = clock
        self._written: dict[Policy, tuple[str, tuple[_Argument, ...]]] = {}
        self._script = files(__package__).joinpath("_redis.lua").read_bytes()
        # Names what is not secret: the server runs a script by its SHA-1.
        self._sha = hashlib.sha1(self._script, usedforsecurity=False).hexdigest()
        url, arguments = _address(uri), dict(options.store_options)
        self._client = _client(url, options.store_timeout, arguments)
        self.keys = Keyspace(self._client, self._prefix)
        self._lines = Lines(url, options.store_timeout, arguments, self._sha, self._script)

    def ask(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        from redis.exceptions import NoScriptError

        if operation == "reset":
            self._client.delete(*(self.key_of(entry.policy, entry.key) for entry in entries))
            return []
        call = self._call(operation, entries)
        try:
            answer = self._client.execute_command("EVALSHA", self._sha, *call)
        except NoScriptError:  # the server has started anew
            answer = self._client.execute_command("EVAL", self._script, *call)
        return _decisions(answer)

    async def ask_async(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        # The client has no connections for trio; and what is rare needs none of its own.
        if operation == "reset" or not on_asyncio():
            return await on_thread(lambda: self.ask(operation, entries))
        return _decisions(await self._lines.ask(self._call(operation, entries)))

    def check(self, policy: Policy) -> None:
        """It can decide by all."""

    def key_of(self, policy: Policy, key: int) -> str:
        """The key on the server."""
        return f"{self._of(policy)[0]}{key:x}"

    def forget(self, policy: Policy) -> None:
        """Forget what has been worked out for a policy."""
        self._written.pop(policy, None)

    def close(self) -> None:
        self._client.close()

    async def aclose(self) -> None:
        self.close()
        await self._lines.close()

    def _call(self, operation: Operation, entries: Sequence[Entry]) -> list[_Argument]:
        """The arguments of the script, and before them how many are keys."""
        keys: list[_Argument] = [len(entries)]
        arguments: list[_Argument] = [operation, "" if self._clock is None else repr(self._clock())]
        for policy, key, amount, lease in entries:
            prefix, fixed = self._of(policy)
            keys.append(f"{prefix}{key:x}")
            arguments += fixed
            if policy.algorithm == "sliding":
                # As in the shards of the store in this process.
                arguments.append(repr(policy.window * (key % SHARDS + 1) / SHARDS) if policy.jitter else "0")
            arguments += (amount, lease)
        return keys + arguments

    def _of(self, policy: Policy) -> tuple[str, tuple[_Argument, ...]]:
        written = self._written.get(policy)
        if written is None:
            fixed: tuple[_Argument, ...] = policy.algorithm, policy.capacity, policy.window
            if policy.algorithm == "gcra":
                fixed += (repr(policy.window / policy.quota),)
            elif policy.algorithm == "concurrent":
                fixed += (LEASE,)
            # With the algorithm and the window, as what is stored by others says nothing about these.
            prefix = f"{self._prefix}{policy.name}:{policy.algorithm}-{policy.window}:"
            written = self._written[policy] = prefix, fixed
        return written


def _address(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{REDIS[scheme]}://{rest}"


def _client(url: str, timeout: float, arguments: dict[str, Any]) -> Any:
    """A client with a pool of connections, one for each thread that asks at a time."""
    try:
        from redis import Redis as Client
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError:
        raise BadOption("store", "this needs the package redis", "pip install 'perfkit[redis]'") from None
    # Without retries, which would multiply the time that a request waits. Those connections that a server has closed
    # are found and replaced before they are used. The second protocol needs one trip less when it begins.
    given: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout, "protocol": 2}
    try:
        client = Client.from_url(url, **{**given, "retry": Retry(NoBackoff(), 0), **arguments})
        pool = client.connection_pool
        pool.connection_class(**pool.connection_kwargs)  # which would otherwise fail with the first request
        return client
    except (TypeError, ValueError) as error:
        raise BadOption("store", str(error), "write for example 'redis://localhost:6379/0'") from None


def _decisions(answer: bytes | str) -> list[Decision]:
    figures = (answer.decode("ascii") if isinstance(answer, bytes) else answer).split()
    return [
        Decision(figures[at] == "1", int(figures[at + 1]), float(figures[at + 2]), float(figures[at + 3]))
        for at in range(0, len(figures), 4)
    ]
