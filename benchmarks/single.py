"""Drivers that call one function, for what is measured without an application around it."""

from __future__ import annotations

from collections.abc import Awaitable
from time import perf_counter
from typing import Any

from benchmarks.inprocess import Asynchronous, InProcess
from benchmarks.model import Answer


class Called(InProcess):
    """Calls a function that says whether a request is admitted."""

    def answer(self) -> Answer:
        return Answer(200 if self.app() else 429, (), b"")

    def repeat(self, count: int) -> float:
        call = self.app
        started = perf_counter()
        for _ in range(count):
            call()
        return perf_counter() - started


class Awaited(Asynchronous):
    """Awaits what a function gives, likewise."""

    def answer(self) -> Answer:
        return Answer(200 if self.run(self.app()) else 429, (), b"")

    def request(self) -> Awaitable[Any]:  # type: ignore[override]
        return self.app()  # type: ignore[no-any-return]
