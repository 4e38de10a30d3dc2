"""What came of a response: the fact ``exchange.facts["compression"]``."""

from __future__ import annotations

from typing import Final

FACT: Final = "compression"


class Outcome:
    """What compression made of one response.

    Attributes:
        coding: the coding of the body; None where it is sent as it was.
        reason: why it is, in a word that stays the same, fit for a label; empty where it is compressed. One of
            `REASONS`.
        before: bytes of the body as the application made it; 0 where it is not compressed. Of a stream those so far.
        after: bytes of the body as it is sent, likewise.
    """

    __slots__ = ("after", "before", "coding", "reason")

    def __init__(self, coding: str | None, reason: str = "", before: int = 0, after: int = 0) -> None:
        self.coding = coding
        self.reason = reason
        self.before = before
        self.after = after

    def __repr__(self) -> str:
        if self.coding is None:
            return f"Outcome(None, {self.reason!r})"
        return f"Outcome({self.coding!r}, before={self.before}, after={self.after})"


REASONS: Final = (
    "status",  # 1xx, 204, 205, 206, 304: no body, or a part of one
    "type",  # not a type that shrinks, or none
    "too_small",
    "encoded",  # the application has done it
    "opted_out",  # Content-Encoding: identity
    "no_transform",  # Cache-Control
    "range",  # Content-Range
    "file",  # sent by the server, or by a proxy, from a file
    "path",  # the option exclude
    "predicate",  # the option skip_if
    "not_acceptable",  # the client takes none of the codings, or prefers identity
    "not_smaller",
)

# Nobody changes these, so that there is one for all responses.
SKIPPED: Final = {reason: Outcome(None, reason) for reason in REASONS}
