"""What happened during an exchange: told by features, applications and in-process servers, read by tests.

Each request carries an id, so that exchanges do not disturb each other. The notes of a real server are in its process,
where the site gives them out as JSON.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import defaultdict
from typing import Any, NamedTuple

from perfkit import Exchange, HeaderName

REQUEST_ID = HeaderName("Conformance-Id")
# The request header that applications note.
SEEN = HeaderName("X-Seen")

# How long anything here waits for something that must happen: long beside what it takes, short beside a hung test.
PATIENCE_SECONDS = 10.0


class Note(NamedTuple):
    """One thing that happened, for example ``Note("outer.on_response", {"status": 200})``."""

    what: str
    facts: dict[str, Any]


_notes: defaultdict[str, list[Note]] = defaultdict(list)
_gates: defaultdict[str, threading.Event] = defaultdict(threading.Event)


def note(request_id: str, what: str, **facts: Any) -> None:
    _notes[request_id].append(Note(what, facts))


def note_of(exchange: Exchange, what: str, **facts: Any) -> None:
    note(exchange.request_header(REQUEST_ID) or "", what, **facts)


def notes_as_json(request_id: str) -> bytes:
    return json.dumps(_notes[request_id]).encode()


# A gate holds an application's stream back until the test has seen what came before.


def open_gate(request_id: str) -> None:
    _gates[request_id].set()


def wait_at_gate(request_id: str) -> None:
    if not _gates[request_id].wait(PATIENCE_SECONDS):
        raise TimeoutError("the gate was not opened")


async def wait_at_gate_async(request_id: str) -> None:
    # Polled, since the gate is opened from another thread and servers bring event loops of their own.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _gates[request_id].is_set():
        if time.monotonic() > deadline:
            raise TimeoutError("the gate was not opened")
        await asyncio.sleep(0.001)


class Trace(list[Note]):
    """The notes of one exchange, in order."""

    @classmethod
    def from_json(cls, text: bytes) -> Trace:
        return cls(Note(what, facts) for what, facts in json.loads(text))

    @property
    def names(self) -> list[str]:
        return [each.what for each in self]

    @property
    def hooks(self) -> list[str]:
        """What features and the application noted, without what an in-process server did."""
        return [name for name in self.names if not name.startswith("server.")]

    def facts(self, what: str) -> dict[str, Any]:
        """The facts of what was noted exactly once."""
        (only,) = (each.facts for each in self if each.what == what)
        return only
