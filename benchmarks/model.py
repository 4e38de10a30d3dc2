"""The words of the benchmarks: settings, their variants, and what these are held to.

A *setting* is one way to serve one response; a *variant* is one application in it: bare, with a peer's packages, or
with perfkit. A *goal* is a ratio between variants of one run, which says the same on every machine, with its budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

BARE = "bare"
BYTES_PER_KIB = 1024


class Skipped(Exception):  # noqa: N818 - not an error
    """Something cannot be measured on this machine; the message says why."""


class Key(NamedTuple):
    """Names a variant in a whole run."""

    setting: str
    variant: str


# What a request costs, by variant: seconds, or bytes where the setting is about memory.
Costs: TypeAlias = "dict[Key, float]"
Unit: TypeAlias = Literal["us", "ms", "requests/s", "KiB", "B"]


class Answer(NamedTuple):
    """The response of an application, to see that it is the right one before it is timed."""

    status: int
    headers: tuple[str, ...]  # names in lower case
    body: bytes
    coding: str = ""  # its Content-Encoding
    etag: str = ""
    ended: bool = True  # an open stream has not


class Driver(Protocol):
    """What sends requests to one variant."""

    def answer(self) -> Answer: ...
    def measure(self) -> float:
        """What a request costs, by one short series of requests."""

    def garbage(self) -> int:
        """How many objects a request leaves to the garbage collector, because they refer to each other."""

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One application of a setting.

    Attributes:
        build: makes the application; an ImportError of a peer's skips the variant.
        expects: names of headers, in lower case, its response must have.
        coding: the Content-Encoding it must have; None where any will do.
        status: the status it must have.
        proof: for what leaves no trace in the response: whether it has run.
    """

    name: str
    side: Literal["bare", "peer", "perfkit"]
    build: Callable[[], Any]
    expects: tuple[str, ...] = ()
    coding: str | None = None
    status: int = 200
    proof: Callable[[], bool] = lambda: True


class Verdict(NamedTuple):
    """What a goal came to: the ratio, how to show it and its spread, and whether it is kept (None: no budget)."""

    ratio: float
    shown: str
    budget: str
    kept: bool | None
    spread: Callable[[float], str] = "±{:.2f}".format


class Goal(Protocol):
    """What a variant is held to."""

    @property
    def of(self) -> str:
        """The variant."""

    @property
    def why(self) -> str:
        """Where the budget comes from."""

    @property
    def by_size(self) -> bool:
        """Whether it judges the sizes of bodies and not what requests cost."""

    def verdict(self, setting: str, costs: Costs) -> Verdict: ...


def headers_added(answer: Answer, bare: Answer | None) -> str:
    """How many headers a variant has added; what is the same in both is the framework's."""
    more = len(answer.headers) - len(bare.headers) if bare else 0
    return f"{more:+} header{'s' * (abs(more) > 1)}" if more else ""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to serve one response, and the variants that do.

    Attributes:
        name: short, for ``--only``.
        title: for people.
        driver: makes what sends requests to a variant's application; raises `Skipped` where that cannot be.
        variants: the bare one first, where there is one.
        unit: how costs are shown.
        rounds: how many series are measured of each variant; settings of the same number are interleaved.
        quick_rounds: the same for ``--quick``.
        quick_driver: the driver for ``--quick``, where it is to be another.
        copies: how many applications of each variant take turns.
        parts: into how many parts the cost of a request can be told, and what they are: ``(100, "chunk")``.
        remark: what to tell of a variant, from its answer and that of the bare one.
        note: what a reader has to know.
        packages: the distributions whose versions matter.
    """

    name: str
    title: str
    driver: Callable[[Variant], Driver]
    variants: tuple[Variant, ...]
    goals: tuple[Goal, ...] = ()
    unit: Unit = "us"
    rounds: int = 600
    quick_rounds: int = 10
    quick_driver: Callable[[Variant], Driver] | None = None
    copies: int = 4
    parts: tuple[int, str] | None = None
    remark: Callable[[Answer, Answer | None], str] = headers_added
    note: str = ""
    packages: tuple[str, ...] = ()
