"""What the tests of shared stores have in common."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, overload

from perfkit import Pending
from perfkit.features.rate_limit._redis import Redis
from perfkit.features.rate_limit._shared import SharedStore

T = TypeVar("T")

KEY = 1 << 63 | 12345
_numbers = itertools.count()


def own_namespace() -> str:
    """One that no other test has, on a server that several use."""
    return f"test-{os.getpid()}-{next(_numbers)}"


@dataclass(frozen=True)
class Options:
    """The options that a shared store reads; far more patient than by default, for slow machines."""

    namespace: str = field(default_factory=own_namespace)
    store_timeout: float = 20.0
    repeat_refusals: float = 0.0
    breaker: tuple[int, float] = (5, 10.0)
    store_options: Mapping[str, Any] = field(default_factory=dict)


@overload
def done(maybe: Pending[T]) -> T: ...
@overload
def done(maybe: T | Pending[T]) -> T: ...
def done(maybe: T | Pending[T]) -> T:
    """The result of what may have to be waited for, by blocking."""
    return maybe.run() if isinstance(maybe, Pending) else maybe


async def awaited(maybe: T | Pending[T]) -> T:
    return await maybe.run_async() if isinstance(maybe, Pending) else maybe


def redis_store(uri: str, options: Options | None = None, clock: Callable[[], float] | None = None) -> SharedStore:
    options = options or Options()
    return SharedStore(uri, options, backend=Redis(uri, options, clock))
