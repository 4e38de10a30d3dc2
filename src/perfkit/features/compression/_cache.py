"""A cache of compressed bodies, for those that are sent again and again."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

# What an entry takes beside the bytes: key, digest and table.
_OVERHEAD: Final = 250


class BodyCache:
    """Compressed bodies by coding and body; the one not asked for the longest goes first.

    Args:
        size: bytes it may take in all.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._free = size
        self._bodies: OrderedDict[tuple[str, bytes], bytes] = OrderedDict()
        self._lock = Lock()

    @staticmethod
    def key(coding: str, body: bytes) -> tuple[str, bytes]:
        """What the compressed form of this body is kept under. Nobody can make two bodies of one key."""
        from hashlib import sha256  # here, as it takes long to import and few keep bodies

        return coding, sha256(body, usedforsecurity=False).digest()

    def get(self, key: tuple[str, bytes]) -> bytes | None:
        """The compressed body, if it is there."""
        with self._lock:
            data = self._bodies.get(key)
            if data is not None:
                self._bodies.move_to_end(key)
            return data

    def put(self, key: tuple[str, bytes], data: bytes) -> None:
        """Keep a compressed body, unless it would take more than a quarter of the room."""
        cost = len(data) + _OVERHEAD
        if cost > self._size // 4:
            return
        with self._lock:
            if key in self._bodies:
                return
            self._bodies[key] = data
            self._free -= cost
            while self._free < 0:
                _, gone = self._bodies.popitem(last=False)
                self._free += len(gone) + _OVERHEAD
