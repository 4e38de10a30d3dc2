"""The words of the benchmarks: settings, their variants, and what these are held to.

A *setting* is one way to serve one response; a *variant* is one application in it: bare, with a peer's packages, or
with perfkit. A *goal* is a ratio between variants of one run, which says the same on every machine, with its budget.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

BARE = "bare"


class Skipped(Exception):  # noqa: N818 - not an error
    """Something cannot be measured on this machine; the message says why."""


class Key(NamedTuple):
    """Names a variant in a whole run."""

    setting: str
    variant: str


# Seconds a request takes, by variant.
Times: TypeAlias = "dict[Key, float]"


class Answer(NamedTuple):
    """The response of an application, to see that it is the right one before it is timed."""

    status: int
    headers: tuple[str, ...]  # names in lower case
    body: bytes


class Driver(Protocol):
    """What sends requests to one variant."""

    def answer(self) -> Answer: ...
    def measure(self) -> float:
        """Seconds a request takes, by one short series of requests."""

    def garbage(self) -> int:
        """How many objects a request leaves to the garbage collector, because they refer to each other."""

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One application of a setting.

    Attributes:
        build: makes the application; an ImportError of a peer's skips the variant.
        expects: names of headers, in lower case, its response must have.
        proof: for what leaves no trace in the response: whether it has run.
    """

    name: str
    side: Literal["bare", "peer", "perfkit"]
    build: Callable[[], Any]
    expects: tuple[str, ...] = ()
    proof: Callable[[], bool] = lambda: True


class Verdict(NamedTuple):
    """What a goal came to: the ratio, how to show it, and whether it is within budget (None: there is none)."""

    ratio: float
    shown: str
    budget: str
    kept: bool | None


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a variant adds to its bare application, as a share of what another adds to its own.

    Attributes:
        of: the variant.
        beyond: the variant that what it adds is counted from; by default the bare application.
        against: the other one.
        against_setting: where that stands; by default in the same setting.
        at_most: the budget; None where the ratio is only told.
        why: where the budget comes from.
    """

    of: str
    beyond: str = BARE
    against: str
    against_setting: str = ""
    at_most: float | None = None
    why: str = ""

    def verdict(self, setting: str, times: Times) -> Verdict:
        """Judge; raises KeyError where one of the variants was not measured."""
        other = self.against_setting or setting
        added = _added(setting, self.of, times) - _added(setting, self.beyond, times)
        ratio = added / max(_added(other, self.against, times), 1e-9)
        shown = f"{ratio:.2f} of {self.against}" + (f" ({other})" if other != setting else "")
        if self.beyond != BARE:
            shown += f", counted from {self.beyond}"
        if self.at_most is None:
            return Verdict(ratio, shown, "", None)
        return Verdict(ratio, shown, f"at most {self.at_most:.2f}", ratio <= self.at_most)


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Requests per second of a variant as a share of the bare application's."""

    of: str
    at_least: float | None = None
    why: str = ""

    def verdict(self, setting: str, times: Times) -> Verdict:
        """Judge; raises KeyError where one of the variants was not measured."""
        ratio = times[Key(setting, BARE)] / times[Key(setting, self.of)]
        if self.at_least is None:
            return Verdict(ratio, f"{ratio:.2f} of {BARE}", "", None)
        return Verdict(ratio, f"{ratio:.2f} of {BARE}", f"at least {self.at_least:.2f}", ratio >= self.at_least)


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """The one budget in seconds, for what has no bare application."""

    of: str
    at_most: float
    why: str = ""

    def verdict(self, setting: str, times: Times) -> Verdict:
        """Judge; raises KeyError where the variant was not measured."""
        seconds = times[Key(setting, self.of)]
        shown, budget = f"{seconds * 1e3:.0f} ms", f"at most {self.at_most * 1e3:.0f} ms"
        return Verdict(seconds, shown, budget, seconds <= self.at_most)


Goal: TypeAlias = Share | Throughput | Ceiling


def headers_added(answer: Answer, bare: Answer | None) -> str:
    """How many headers a variant has added; what is the same in both is the framework's."""
    more = len(answer.headers) - len(bare.headers) if bare else 0
    return f"+{more} header{'s' * (more > 1)}" if more else ""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One way to serve one response, and the variants that do.

    Attributes:
        name: short, for ``--only``.
        title: for people.
        driver: makes what sends requests to a variant's application; raises `Skipped` where that cannot be.
        variants: the bare one first, where there is one.
        unit: how times are shown.
        rounds: how many series are measured of each variant; settings of the same number are interleaved.
        quick_rounds: the same for ``--quick``.
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
    unit: Literal["us", "ms", "requests/s"] = "us"
    rounds: int = 600
    quick_rounds: int = 10
    copies: int = 4
    parts: tuple[int, str] | None = None
    remark: Callable[[Answer, Answer | None], str] = headers_added
    note: str = ""
    packages: tuple[str, ...] = ()


def _added(setting: str, variant: str, times: Times) -> float:
    return times[Key(setting, variant)] - times[Key(setting, BARE)]
