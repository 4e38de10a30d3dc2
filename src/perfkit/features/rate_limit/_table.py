"""A table of numbers by key, in shards, with shared buckets for the keys that are too many."""

from __future__ import annotations

from typing import Final

from perfkit.features.rate_limit._generations import SHARD_BITS, SHARDS, Room, Shard
from perfkit.features.rate_limit._meter import Meter
from perfkit.features.rate_limit._policy import Policy

# Keys that come while the store is full share this many buckets. Dropping others to make room would let an attacker
# who invents keys win back the quota of each.
OVERFLOW_BUCKETS: Final = 1024


class Table(Meter):
    """The numbers of one policy.

    Args:
        policy: the policy.
        room: what its store has room for.
        span: seconds for which a generation is written. Nothing is read from it later than as long again.
        now: the time.
        spread: whether the generations of the shards begin at different times.
    """

    __slots__ = ("_key", "_room", "_shard", "_shards", "_slot", "_span", "_value")

    def __init__(self, policy: Policy, room: Room, span: float, now: float, *, spread: bool) -> None:
        super().__init__(policy)
        self._room = room
        self._span = span
        self._shards = [Shard(now + (span * (index + 1) / SHARDS if spread else span)) for index in range(SHARDS)]
        # What `check` has found and `commit` writes: a key's place, and its number if the request is admitted.
        self._shard = self._shards[0]
        self._slot = self._key = 0
        self._value = 0.0

    def commit(self) -> None:
        if self._key < 2 * OVERFLOW_BUCKETS:
            self.overflowed += 1
        if self._slot >= 0:  # what `put` does, without the call
            self._shard.current.values[self._slot] = self._value
        else:
            self._shard.put(self._slot, self._key, self._value, self._room)

    def reset(self, key: int, now: float) -> None:
        self._shards[key % SHARDS].clear(key)

    def sweep(self, now: float) -> None:
        for shard in self._shards:
            if now >= shard.end:
                shard.turn(now, self._span, self._room)

    def close(self) -> None:
        for shard in self._shards:
            self._room.taken -= shard.current.count + shard.previous.count

    def _find(self, key: int, now: float) -> tuple[Shard, int]:
        """The shard of a key and its slot there; `_key` is then the key, or that of its shared bucket."""
        shard = self._shards[key % SHARDS]
        if now >= shard.end:
            shard.turn(now, self._span, self._room)
        current = shard.current
        slot = key >> SHARD_BITS & current.mask
        if current.keys[slot] != key:  # most keys are where they belong
            slot = current.find(key)
        if slot < 0 and self._room.taken >= self._room.most and not self._knows(shard, key):
            key = key % OVERFLOW_BUCKETS + OVERFLOW_BUCKETS  # stays in this shard; keys are never so low
            slot = current.find(key)
        self._shard = shard
        self._slot = slot
        self._key = key
        return shard, slot

    def _knows(self, shard: Shard, key: int) -> bool:
        """Whether a key that is not in the current generation is known nevertheless."""
        return shard.previous.find(key) >= 0
