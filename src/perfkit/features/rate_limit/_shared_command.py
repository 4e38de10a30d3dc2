"""``perfkit limits show`` and ``perfkit limits reset``: what a shared store has counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from msgspec.structs import replace

from perfkit.features.rate_limit._keys import AddressPrefixes, Keys
from perfkit.features.rate_limit._options import RateLimitOptions
from perfkit.features.rate_limit._redis_keys import Keyspace, Stored
from perfkit.features.rate_limit._shared_backend import REDIS, shown
from perfkit.features.rate_limit._store import StoreError
from perfkit.options import BadOption

# Whoever types a command waits longer than a request does. Seconds.
TIMEOUT: Final = 10.0


def show(uri: str, options: RateLimitOptions, rule: str | None, parts: Sequence[str]) -> list[str]:
    """How many keys there are of each policy; or how one key stands.

    Args:
        uri: the store.
        options: those of the section; those of the connection count here too.
        rule: only what belongs to this rule.
        parts: of a key, in the order in which the rule has them; ``"ip:203.0.113.7"`` for an address. None: all keys.

    Raises:
        BadOption: the URI cannot be used.
        StoreError: the store does not answer.
    """
    with _keyspace(uri, options) as keys:
        found = _found(keys, options, rule, parts)
        if parts:
            lines = sorted(f"{_policy(each)}: {keys.standing(each)}" for each in found)
        else:
            counts = Counter(map(_policy, found))
            lines = [f"{policy}: {count} {'key' if count == 1 else 'keys'}" for policy, count in sorted(counts.items())]
    return lines or [f"Nothing of this is counted in the namespace {options.namespace!r}."]


def reset(uri: str, options: RateLimitOptions, rule: str | None, parts: Sequence[str]) -> list[str]:
    """Forget what `show` shows; see there."""
    with _keyspace(uri, options) as keys:
        removed = keys.remove(each.name for each in _found(keys, options, rule, parts))
    return [f"Reset {removed} {'key' if removed == 1 else 'keys'} in the namespace {options.namespace!r}."]


@contextmanager
def _keyspace(uri: str, options: RateLimitOptions) -> Iterator[Keyspace]:
    if uri.partition("://")[0] not in REDIS:
        raise BadOption("store", f"{shown(uri)} cannot be looked into", "write for example 'redis://localhost:6379/0'")
    from perfkit.features.rate_limit._redis import Redis

    redis = Redis(uri, replace(options, store_timeout=TIMEOUT))
    try:
        yield redis.keys
    except Exception as error:
        raise StoreError(f"{redis.name} does not answer: {error}") from error
    finally:
        redis.close()


def _found(keys: Keyspace, options: RateLimitOptions, rule: str | None, parts: Sequence[str]) -> Iterator[Stored]:
    number = f"{_number(options, rule, parts):x}" if rule and parts else None
    for each in keys:
        if number is not None:
            if each.key == number:  # which the rule's name is in
                yield each
        # A rule with several limits has a policy for each: "login-60s", "login-3600s".
        elif rule is None or each.policy == rule or each.policy.startswith(f"{rule}-"):
            yield each


def _number(options: RateLimitOptions, rule: str, parts: Sequence[str]) -> int:
    prefixes = AddressPrefixes(options.ipv4_prefix, options.ipv6_prefix)
    made = (prefixes.partition(part[3:]) if part.startswith("ip:") else part for part in parts)
    return Keys(options.namespace, rule, (options.secret or "").encode()).number_of(*made)


def _policy(stored: Stored) -> str:
    window = f", {stored.window} s" if stored.window else ""
    return f"{stored.policy} ({stored.algorithm}{window})"
