"""What a store is for the feature: in this process, or shared by several and therefore slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias, TypeVar

from perfkit.feature import Pending
from perfkit.features.rate_limit._decision import Decision
from perfkit.features.rate_limit._memory import Hit
from perfkit.features.rate_limit._policy import Policy

T = TypeVar("T")

# What a store in this process gives at once, a shared one has to be waited for.
Maybe: TypeAlias = T | Pending[T]


class StoreError(Exception):
    """The store does not answer, or not in time, or is not asked since it lately did not.

    Raised by a store's methods, or by the `Pending` they give; what then becomes of the request the rules say
    (`on_error`). The store itself logs when it is lost and when it is back.
    """


class Store(Protocol):
    """What keeps the counts. `MemoryStore` is one; the shared one is ``SharedStore(uri, options)``.

    Keys are numbers from `Keys` in all of them, so that what a shared store cannot decide can be decided here by the
    same hits. Policies of one name are the same in all processes; a policy itself is an object of this process.

    Methods mean what they mean in `MemoryStore`, and raise `StoreError` or give a `Pending` that does.
    """

    def take_all(self, hits: Sequence[Hit]) -> Maybe[list[Decision]]:
        """Take all costs if all are there, else nothing of any; a decision for each hit."""
        ...

    def settle(self, policy: Policy, key: int, amount: int) -> Maybe[Decision]:
        """Take an amount whether it is there or not, or give it back where it is below 0."""
        ...

    def release(self, policy: Policy, key: int, cost: int = 1) -> Maybe[None]:
        """Give back what a request in flight took."""
        ...

    def peek(self, policy: Policy, key: int, cost: int = 1) -> Maybe[Decision]:
        """What would be decided; takes nothing."""
        ...

    def reset(self, policy: Policy, key: int) -> Maybe[None]:
        """Forget what the key has taken."""
        ...

    def forget(self, policy: Policy) -> Maybe[None]:
        """Forget a policy that will not be asked for again, as far as this process keeps something of it."""
        ...
