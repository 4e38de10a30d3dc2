"""Encoders that show how a host calls them."""

from __future__ import annotations


class Upper:
    """An encoder that holds nothing back."""

    def feed(self, chunk: bytes) -> bytes:
        return chunk.upper()

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return b""


class Framed:
    """An encoder that shows when it is called: ``<chunk>`` for each chunk, ``.`` at the end."""

    def feed(self, chunk: bytes) -> bytes:
        return b"<" + chunk

    def flush(self) -> bytes:
        return b">"

    def finish(self) -> bytes:
        return b"."


class HoldBack:
    """An encoder that gives nothing before the end."""

    def __init__(self) -> None:
        self.held = b""

    def feed(self, chunk: bytes) -> bytes:
        self.held += chunk
        return b""

    def flush(self) -> bytes:
        return b""

    def finish(self) -> bytes:
        return self.held
