"""What is kept of each key: a number, for a while, in little memory.

Numbers are kept in two generations. What is written goes to the current one; after a while, the span, that becomes the
previous one, and the one before is dropped as a whole. So nothing expires key by key, and no timer or thread is needed.

A generation is a hash table in two arrays, not a dict: 16 bytes a slot, where a dict takes 86 to 118 bytes a key with
the objects in it; and dropping a million keys is freeing a few blocks, where a dict has two million objects to free.
"""

from __future__ import annotations

from array import array
from typing import Final

# Keys are divided among so many shards, each with generations of its own: what must be done with a generation as a
# whole, growing it or dropping it, is then done with a small part of all keys at a time.
SHARD_BITS: Final = 6
SHARDS: Final = 1 << SHARD_BITS
SMALLEST: Final = 16


class Room:
    """How many numbers a store keeps, and whether it may take more keys.

    Attributes:
        most: keys to keep. A key that is in both generations of its shard takes two places, so that up to twice as
            many numbers are kept.
        taken: numbers kept.
    """

    __slots__ = ("most", "taken")

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0


class Generation:
    """Numbers by key: a hash table with linear probing, from which nothing is ever removed.

    At most half of its slots are used, so that a search ends soon.

    Attributes:
        count: keys in it.
        keys: the keys, by slot; 0 where there is none.
        values: the numbers, by slot.
        mask: what of a number is a slot.
    """

    __slots__ = ("count", "keys", "mask", "values")

    def __init__(self, size: int = SMALLEST) -> None:
        self.count = 0
        self._allocate(size)

    def _allocate(self, size: int) -> None:
        self.mask = size - 1
        self.keys = array("Q", bytes(8 * size))
        self.values = array("d", bytes(8 * size))

    def find(self, key: int) -> int:
        """The slot of the key; where it is not there, the inverse (``~slot``) of the one it would be in."""
        keys = self.keys
        mask = self.mask
        slot = key >> SHARD_BITS & mask  # the lower bits are the same for the whole shard
        found = keys[slot]
        while found != key:
            if not found:
                return ~slot
            slot = slot + 1 & mask
            found = keys[slot]
        return slot

    def get(self, key: int) -> float:
        """The number of the key, 0 where it is not there."""
        slot = key >> SHARD_BITS & self.mask
        if self.keys[slot] != key:  # most keys are where they belong
            slot = self.find(key)
        return self.values[slot] if slot >= 0 else 0.0

    def insert(self, slot: int, key: int, value: float) -> None:
        """Add a key that is not there, at the inverse slot that `find` gave for it."""
        self.keys[~slot] = key
        self.values[~slot] = value
        self.count += 1
        if self.count * 2 > self.mask:
            self._grow()

    def _grow(self) -> None:
        entries = zip(self.keys, self.values, strict=True)
        self._allocate(2 * len(self.keys))
        keys, values, mask = self.keys, self.values, self.mask
        for key, value in entries:
            if key:
                slot = key >> SHARD_BITS & mask
                while keys[slot]:
                    slot = slot + 1 & mask
                keys[slot] = key
                values[slot] = value


class Shard:
    """Two generations.

    Attributes:
        current: what is written now.
        previous: what was written before, still to be read.
        end: when the current one becomes the previous one, in the store's seconds.
    """

    __slots__ = ("current", "end", "previous")

    def __init__(self, end: float) -> None:
        self.current = Generation()
        self.previous = Generation()
        self.end = end

    def turn(self, now: float, span: float, room: Room) -> None:
        """Begin the generation of this time, which is past the end of the current one."""
        room.taken -= self.previous.count
        late = now - self.end
        if late < span:
            self.previous = self.current
            # As large as the last one came to be: growing takes longer than finding.
            self.current = Generation(max(SMALLEST, 1 << (2 * self.previous.count).bit_length()))
            self.end += span
        else:
            room.taken -= self.current.count
            self.previous = Generation()
            self.current = Generation()
            self.end += span * (late // span + 1)

    def put(self, slot: int, key: int, value: float, room: Room) -> None:
        """Set the number of the key, with what `find` gave for it in the current generation."""
        if slot >= 0:
            self.current.values[slot] = value
        else:
            room.taken += 1
            self.current.insert(slot, key, value)

    def clear(self, key: int) -> None:
        """Set the number of the key to 0 in both generations."""
        for generation in (self.current, self.previous):
            slot = generation.find(key)
            if slot >= 0:
                generation.values[slot] = 0.0
