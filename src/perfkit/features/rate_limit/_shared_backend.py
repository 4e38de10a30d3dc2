"""What a shared store asks of the server that keeps the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._policy import Policy

# Schemes of Redis, and what its client calls them. Valkey speaks what Redis speaks.
REDIS: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
    "redis+unix": "unix",
    "valkey+unix": "unix",
    "redis+cluster": "redis",
    "valkey+cluster": "redis",
    "redis+sentinel": "redis",
    "valkey+sentinel": "redis",
}
# Seconds for which what is in flight counts without word from the process it is in.
LEASE: Final = 60.0

# take: all or nothing. peek: what take would say. settle: take in any case, or give back. release: give a lease back.
# renew: go on with leases. reset: forget.
Operation: TypeAlias = Literal["take", "peek", "settle", "release", "renew", "reset"]


class Entry(NamedTuple):
    """One policy of a question.

    Attributes:
        policy: the policy.
        key: a number from `Keys`.
        amount: units.
        lease: where the policy counts what is in flight: the name under which this is.
    """

    policy: Policy
    key: int
    amount: int
    lease: str = ""


class Backend(Protocol):
    """A server, as `SharedStore` asks it. Any exception means that it does not answer."""

    @property
    def name(self) -> str:
        """The server, for logs: without a password."""
        ...

    def check(self, policy: Policy) -> None:
        """Check that it can decide by a policy.

        Raises:
            BadOption: it cannot.
        """
        ...

    def ask(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        """A decision for each entry, by blocking."""
        ...

    async def ask_async(self, operation: Operation, entries: Sequence[Entry]) -> list[Decision]:
        """A decision for each entry, without blocking the loop."""
        ...

    def forget(self, policy: Policy) -> None:
        """Forget what is kept of a policy in this process."""
        ...

    def forked(self) -> None:
        """Go on in a child, where the threads that held locks are not."""
        ...

    def close(self) -> None:
        """Close the connections of threads."""
        ...

    async def aclose(self) -> None:
        """Close the connections of the running loop too."""
        ...


class StoreOptions(Protocol):
    """The options of the section that a shared store reads."""

    @property
    def namespace(self) -> str: ...
    @property
    def store_timeout(self) -> float: ...
    @property
    def repeat_refusals(self) -> float: ...
    @property
    def breaker(self) -> tuple[int, float]: ...
    @property
    def store_options(self) -> Mapping[str, Any]: ...


def shown(uri: str) -> str:
    """The URI without user, password and query, also where the password has signs that it should not have."""
    scheme, _, rest = uri.partition("://")
    head, _, query = rest.partition("?")
    _, at, place = head.rpartition("@")
    return f"{scheme}://{'...' if '@' in query and not at else place}"
