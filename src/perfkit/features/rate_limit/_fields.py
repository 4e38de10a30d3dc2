"""The header fields that tell a client what it may do: RateLimit, RateLimit-Policy, Retry-After, and older ones.

Source: draft-ietf-httpapi-ratelimit-headers-10, in the form with quoted names that all revisions since 08 have.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from math import ceil
from time import time
from typing import Final, TypeAlias

from perfkit.exchange import HeaderName
from perfkit.features.rate_limit._decision import AHEAD, Decision, whole_seconds
from perfkit.features.rate_limit._policy import Policy

RATE_LIMIT: Final = HeaderName("RateLimit")
RATE_LIMIT_POLICY: Final = HeaderName("RateLimit-Policy")
RETRY_AFTER: Final = HeaderName("Retry-After")
SHADOW: Final = HeaderName("Perfkit-Shadow")
LEGACY_LIMIT: Final = HeaderName("X-RateLimit-Limit")
LEGACY_REMAINING: Final = HeaderName("X-RateLimit-Remaining")
LEGACY_RESET: Final = HeaderName("X-RateLimit-Reset")

# Less than this part of the quota is little.
LOW: Final = 5

# Bytes of a partition key: sixteen characters of base64, and none of them padding.
PARTITION_KEY_SIZE: Final = 12
# Partitions found again, of each rule: 0.5 MB when it is full.
CACHED_PARTITIONS: Final = 1024


class Described:
    """A policy with what the fields say of it, worked out once.

    Attributes:
        policy: the policy.
        member: of RateLimit-Policy.
        start: of the member of RateLimit, up to the number that is left.
        in_flight: whether it counts what is in flight.
        low: fewer units than this are few.
        shown: whether clients are told of it.
    """

    __slots__ = ("in_flight", "low", "member", "policy", "shown", "start")

    def __init__(self, policy: Policy, *, shown: bool = True) -> None:
        self.policy = policy
        self.shown = shown
        name = _string(policy.name)
        self.in_flight = policy.algorithm == "concurrent"
        unit = "concurrent-requests" if self.in_flight else policy.unit
        window = f";w={policy.window}" if policy.window else ""
        self.member = f"{name};q={policy.quota}{window}{'' if unit == 'requests' else f';qu={_string(unit)}'}"
        self.start = f"{name};r="
        self.low = policy.capacity / LOW


class PartitionKeys:
    """Adds to the fields whose quota it is: ``pk``, a Byte Sequence (the draft, sections 3.1.4 and 4.1.3).

    A hash with the secret, so that it tells nobody who the client is, and the same in all processes that have the
    secret.
    """

    def __init__(self, secret: str) -> None:
        # A key of blake2b is 64 bytes long at most, a secret may be longer.
        key = blake2b(secret.encode()).digest()
        self._state = blake2b(key=key, digest_size=PARTITION_KEY_SIZE, person=b"perfkit pk")
        self.describe = lru_cache(CACHED_PARTITIONS)(self._describe)

    def _describe(self, policy: Described, key: int) -> Described:
        if not policy.shown:
            return policy
        state = self._state.copy()
        state.update(key.to_bytes(8))
        parameter = f";pk=:{b64encode(state.digest()).decode()}:"
        described = Described(policy.policy)
        described.member += parameter
        described.start = f"{_string(policy.policy.name)}{parameter};r="
        return described


# What a policy said of a request.
Told: TypeAlias = tuple[Described, Decision]


def _string(text: str) -> str:
    """A String of a structured field (RFC 9651 section 4.1.6)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def policies_field(told: Sequence[Told]) -> str:
    """RateLimit-Policy: the policies that applied."""
    return told[0][0].member if len(told) == 1 else ", ".join([each[0].member for each in told])


def state_field(told: Sequence[Told]) -> str:
    """RateLimit of a request that was admitted: what is left, and in how many seconds all will be there again."""
    return _state(*told[0]) if len(told) == 1 else ", ".join([_state(*each) for each in told])


def _state(described: Described, decision: Decision) -> str:
    if described.in_flight:  # nobody knows when
        return f"{described.start}{decision[1]}"
    return f"{described.start}{decision[1]};t={ceil(decision[2] - AHEAD)}"  # as `whole_seconds` has it


def refused_field(told: Sequence[Told]) -> str:
    """RateLimit of a request that was refused.

    Only the policies that refused it say when: the draft wants no ``t`` behind Retry-After, and that of others, which
    have something left, may be far off.
    """
    members = []
    for described, decision in told:
        seconds = None if decision.allowed or described.in_flight else whole_seconds(decision.retry_after)
        members.append(f"{described.start}{decision.remaining}{'' if seconds is None else f';t={seconds}'}")
    return ", ".join(members)


def shadow_field(names: Sequence[str]) -> str:
    """Perfkit-Shadow: rules, as a List of Strings (RFC 9651 section 3.1)."""
    return ", ".join(map(_string, names))


def legacy_fields(told: Sequence[Told]) -> list[tuple[HeaderName, str]]:
    """What clients read that do not know RateLimit: of the one policy with the least left; the reset since 1970."""
    described, decision = min(told, key=lambda each: (each[1].allowed, each[1].remaining))
    wait = decision.reset_after if decision.allowed else decision.retry_after
    seconds = whole_seconds(wait)
    fields = [(LEGACY_LIMIT, str(described.policy.quota)), (LEGACY_REMAINING, str(decision.remaining))]
    if seconds is not None:
        fields.append((LEGACY_RESET, str(int(time()) + seconds)))
    return fields


def is_low(told: Sequence[Told]) -> bool:
    """Whether little is left of any policy."""
    return any(decision[1] < described.low for described, decision in told)


def is_exhausted(told: Sequence[Told]) -> bool:
    """Whether nothing is left of one."""
    return any(not decision[1] for _, decision in told)
