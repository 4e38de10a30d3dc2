"""What this process has in flight, as far as a shared store knows of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from threading import Lock, Thread
from time import sleep

from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._shared_backend import Entry


class Leases:
    """The leases of this process, which a thread renews for as long as there are any.

    A process that dies renews none, and what it had in flight is free again when they expire. One that lives keeps
    them however long a request takes, also while it has no other; hence the thread.

    Args:
        renew: renews leases. Its errors are its own.
        every: seconds between two times.
    """

    def __init__(self, renew: Callable[[Sequence[Entry]], None], every: float) -> None:
        self._renew = renew
        self._every = every
        self._lock = Lock()
        self._held: dict[tuple[Policy, int], list[Entry]] = {}
        self._thread: Thread | None = None

    def __len__(self) -> int:
        return sum(len(held) for held in list(self._held.values()))

    @staticmethod
    def name() -> str:
        """A name for a lease that no other has."""
        return os.urandom(8).hex()

    def add(self, entry: Entry) -> None:
        """Note a lease that was given."""
        with self._lock:
            self._held.setdefault((entry.policy, entry.key), []).append(entry)
            if self._thread is None:
                self._thread = Thread(target=self._run, name="perfkit-leases", daemon=True)
                self._thread.start()

    def pop(self, policy: Policy, key: int, cost: int) -> Entry | None:
        """One of these leases, which is then no longer renewed; which one is the same to everybody."""
        with self._lock:
            held = self._held.get((policy, key), [])
            for index, entry in enumerate(held):
                if entry.amount == cost:
                    del held[index]
                    if not held:
                        del self._held[policy, key]
                    return entry
            return None

    def drop(self, policy: Policy, key: int) -> None:
        """Forget the leases of a key."""
        with self._lock:
            self._held.pop((policy, key), None)

    def forked(self) -> None:
        """Begin anew in a child: what is in flight is the parent's, and so is the thread."""
        self._lock = Lock()
        self._held = {}
        self._thread = None

    def _run(self) -> None:
        while True:
            sleep(self._every)
            with self._lock:
                entries = [entry for held in self._held.values() for entry in held]
                if not entries:
                    self._thread = None
                    return
            self._renew(entries)
