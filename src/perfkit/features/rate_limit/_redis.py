"""Redis and Valkey: one script that decides for all policies of a request, in one round trip.

Times are the server's, so that the clocks of the applications do not matter. Keys look like
``{perfkit}:login:sliding-60:8f0c...``. The braces put all keys of a namespace on one node of a cluster, as those of one
request have to be decided in one step. Every key expires when it has nothing to say any more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.resources import files
from threading import Lock
from typing import Any, TypeAlias

from perfkit._threads import on_asyncio, on_thread
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._generations import SHARDS
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._redis_async import Lines
from perfkit.features.rate_limit._redis_clients import way_to
from perfkit.features.rate_limit._redis_keys import Keyspace
from perfkit.features.rate_limit._shared_backend import LEASE, Entry, Operation, StoreOptions, shown

_Argument: TypeAlias = str | bytes | int | float


class Redis:
    """A server of Redis 5 or later, or Valkey; a cluster of them, or the one that sentinels name.

    Args:
        uri: ``redis://user:password@host:6379/0``, ``rediss://`` with TLS, ``unix:///path?db=0``,
            ``redis+cluster://host:7000,host:7001``, ``redis+sentinel://host:26379,host:26379/mymaster``; ``valkey://``
            and so on alike.
        options: the options of the section.
        clock: tests only: the time, in place of the server's.

    Raises:
        BadOption: the client is not installed, or cannot use the URI or the options.
    """

    def __init__(self, uri: str, options: StoreOptions, clock: Callable[[], float] | None = None) -> None:
        self.name = shown(uri)
        self._prefix = f"{{{options.namespace}}}:"
        self._clock = clock
        self._written: dict[Policy, tuple[str, tuple[_Argument, ...]]] = {}
        self._script = files(__package__).joinpath("_redis.lua").read_bytes()
        # Names what is not secret: the server runs a script by its SHA-1.
        self._sha = hashlib.sha1(self._script, usedforsecurity=False).hexdigest()
        self._way = way_to(uri, options.store_timeout, options.store_options)
        self._lines = Lines(self._way, options.store_timeout, self._sha, self._script)
        self._patience = options.store_timeout * self._way.beginning
        self._lock = Lock()
        self._clients: list[Any] = []

    @property
    def keys(self) -> Keyspace:
        """What is stored."""
        return Keyspace(self._client, self._prefix)

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

    def forked(self) -> None:
        self._lock = Lock()
        self._lines.forked()

    def close(self) -> None:
        clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    async def aclose(self) -> None:
        self.close()
        if on_asyncio():
            await self._lines.close()

    @property
    def _client(self) -> Any:
        """The client of threads, with a connection for each that asks at a time. That of a cluster asks when made."""
        clients = self._clients
        if not clients:
            # Who waits for another who waits for the server waits no longer than that one.
            if not self._lock.acquire(timeout=self._patience):
                raise TimeoutError(f"no answer in {self._patience:g} s")
            try:
                clients = self._clients = self._clients or self._way.blocking()
            finally:
                self._lock.release()
        return clients[0]

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


def _decisions(answer: bytes | str) -> list[Decision]:
    figures = (answer.decode("ascii") if isinstance(answer, bytes) else answer).split()
    return [
        Decision(figures[at] == "1", int(figures[at + 1]), float(figures[at + 2]), float(figures[at + 3]))
        for at in range(0, len(figures), 4)
    ]
