"""Asking the feature without a host."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from perfkit import Health, Pending, Reply
from tests.memory_exchange import MemoryExchange

# What tests wait for at most; none takes so long.
PATIENCE_SECONDS = 20.0


def health(checks: Any = (), **options: Any) -> Health:
    return Health(checks=dict(checks), **options)


def begin(feature: Health, target: str = "/health", **request: Any) -> Reply | Pending[Reply | None] | None:
    return feature.on_request(MemoryExchange(target=target, **request))


def ask(feature: Health, target: str = "/health", **request: Any) -> Reply:
    """The answer on a host that blocks."""
    reply = begin(feature, target, **request)
    if isinstance(reply, Pending):
        reply = reply.run()
    assert reply is not None
    return reply


async def ask_async(feature: Health, target: str = "/health", **request: Any) -> Reply:
    """The answer on a host that awaits."""
    reply = begin(feature, target, **request)
    if isinstance(reply, Pending):
        reply = await reply.run_async()
    assert reply is not None
    return reply


def ask_on_loop(feature: Health, target: str = "/health", **request: Any) -> Reply:
    return asyncio.run(ask_async(feature, target, **request))


# The same on both kinds of host.
WAYS = (ask, ask_on_loop)


def body(reply: Reply) -> Any:
    return json.loads(reply.body)


def detail(reply: Reply, name: str = "it") -> Any:
    return body(reply)["checks"][name]


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


class Hanging:
    """A check that does not end before it is let go."""

    def __init__(self) -> None:
        self.runs = 0
        self.gate = threading.Event()
        self.ended = threading.Event()

    def __call__(self) -> None:
        self.runs += 1
        self.gate.wait(PATIENCE_SECONDS)
        self.ended.set()


@contextmanager
def hanging() -> Iterator[Hanging]:
    check = Hanging()
    try:
        yield check
    finally:
        check.gate.set()


def health_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("perfkit-health-")]
