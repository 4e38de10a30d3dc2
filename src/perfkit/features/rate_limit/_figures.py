"""What the stores count by themselves, for metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perfkit.feature import Figure
from perfkit.features.rate_limit._memory import MemoryStore


def store_figures(local: MemoryStore, store: Any) -> Iterator[Figure]:
    """How full the store of this process is, and how a shared one answers, if there is one."""
    yield Figure("perfkit_rate_limit_keys", local.size, "Counts that are kept in this process.")
    overflowed = "Decisions in buckets that clients beyond max_keys share."
    yield Figure("perfkit_rate_limit_overflow", local.overflowed, overflowed, "counter")
    if store is local:
        return
    breaker = store.breaker
    available = "Whether the shared store is asked; 0 while it is left alone."
    yield Figure("perfkit_rate_limit_store_available", float(not breaker.is_open), available)
    failed = "Questions to the shared store without an answer."
    yield Figure("perfkit_rate_limit_store_errors", breaker.errors, failed, "counter")
    skipped = "Questions that it was not asked, as it had failed before."
    yield Figure("perfkit_rate_limit_store_skipped", breaker.skipped, skipped, "counter")
