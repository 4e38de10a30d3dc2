"""The body of a request as an application reads it from a file, counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


class MeteredInput:
    """A file that counts the bytes read from it.

    Attributes:
        taken: how many they are.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.taken = 0

    def read(self, *size: int) -> bytes:
        return self._count(self._stream.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._count(self._stream.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        return [self._count(line) for line in self._stream.readlines(*hint)]

    def __iter__(self) -> Iterator[bytes]:
        return map(self._count, self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _count(self, data: bytes) -> bytes:
        self.taken += len(data)
        return data
