"""``perfkit limits show`` and ``perfkit limits reset``: what a shared store has counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from perfkit.features.rate_limit._keys import AddressPrefixes, Keys
from perfkit.features.rate_limit._options import RateLimitOptions
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._redis_keys import Keyspace, Stored
from perfkit.features.rate_limit._rules import Counted
from perfkit.features.rate_limit._shared_backend import REDIS, Entry, shown
from perfkit.features.rate_limit._store import StoreError
from perfkit.options import BadOption

if TYPE_CHECKING:
    from perfkit.features.rate_limit._redis import Redis

# Whoever types a command waits longer than a request does. Seconds.
TIMEOUT: Final = 10.0


def show(uri: str, options: RateLimitOptions, rule: str | None, parts: Sequence[str]) -> list[str]:
    """How many keys there are of each policy; or what one key has taken, and what remains.

    What remains is known of policies that the settings have: a store keeps no quotas.

    Args:
        uri: the store.
        options: those of the section; those of the connection count here too.
        rule: only what belongs to this rule.
        parts: of a key, in the order in which the rule has them; ``"ip:203.0.113.7"`` for an address. None: all keys.

    Raises:
        BadOption: the URI cannot be used.
        StoreError: the store does not answer.
    """
    with _opened(uri, options) as redis:
        if rule and parts:
            lines = sorted(_standing(redis, options, rule, parts))
        else:
            found = _found(redis.keys, options, rule, parts)
            counts = Counter(map(_policy, found))
            lines = [f"{policy}: {count} {'key' if count == 1 else 'keys'}" for policy, count in sorted(counts.items())]
    return lines or [f"Nothing of this is counted in the namespace {options.namespace!r}."]


def reset(uri: str, options: RateLimitOptions, rule: str | None, parts: Sequence[str]) -> list[str]:
    """Forget what `show` shows; see there."""
    with _opened(uri, options) as redis:
        keys = redis.keys
        removed = keys.remove(each.name for each in _found(keys, options, rule, parts))
    return [f"Reset {removed} {'key' if removed == 1 else 'keys'} in the namespace {options.namespace!r}."]


@contextmanager
def _opened(uri: str, options: RateLimitOptions) -> Iterator[Redis]:
    if uri.partition("://")[0] not in REDIS:
        raise BadOption("store", f"{shown(uri)} cannot be looked into", "write for example 'redis://localhost:6379/0'")
    from perfkit.features.rate_limit._redis import Redis

    redis = Redis(uri, replace(options, store_timeout=TIMEOUT))
    try:
        yield redis
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


def _standing(redis: Redis, options: RateLimitOptions, rule: str, parts: Sequence[str]) -> Iterator[str]:
    """How one key stands with each policy of a rule."""
    number = _number(options, rule, parts)
    known = set()
    for counted in _rule(options, rule):
        for policy in counted.policies:
            known.add(redis.key_of(policy, number))
            is_ban = counted.ban is not None and policy is counted.ban.policy
            yield f"{_title(policy.name, policy.algorithm, policy.window)}: {_stands(redis, policy, number, is_ban)}"
    for each in _found(redis.keys, options, rule, parts):
        if each.name not in known:
            standing = redis.keys.standing(each)
            yield f"{_policy(each)}: {standing}; what remains is not known, as the settings have no such limit"


def _rule(options: RateLimitOptions, name: str) -> list[Counted]:
    prefixes = AddressPrefixes(options.ipv4_prefix, options.ipv6_prefix)
    return [Counted(rule, options, prefixes) for rule in options.rules if rule.name == name]


def _stands(redis: Redis, policy: Policy, number: int, is_ban: bool) -> str:
    (standing,) = redis.ask("peek", [Entry(policy, number, 0)])
    if is_ban:
        return "not banned" if standing.allowed else f"banned for {standing.retry_after:.0f} s"
    taken = "in flight" if policy.algorithm == "concurrent" else "taken"
    text = f"{policy.capacity - standing.remaining} {taken}, {standing.remaining} of {policy.capacity} remaining"
    if not standing.allowed:
        text += f"; in debt for {standing.retry_after:.0f} s"
    return f"{text}; all of it in {standing.reset_after:.0f} s" if standing.reset_after else text


def _number(options: RateLimitOptions, rule: str, parts: Sequence[str]) -> int:
    prefixes = AddressPrefixes(options.ipv4_prefix, options.ipv6_prefix)
    made = (prefixes.partition(part[3:]) if part.startswith("ip:") else part for part in parts)
    return Keys(options.namespace, rule, (options.secret or "").encode()).number_of(*made)


def _policy(stored: Stored) -> str:
    return _title(stored.policy, stored.algorithm, stored.window)


def _title(policy: str, algorithm: str, window: int) -> str:
    seconds = f", {window} s" if window else ""
    return f"{policy} ({algorithm}{seconds})"
