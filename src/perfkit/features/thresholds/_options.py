"""The options of the section ``thresholds``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import Annotated, Any, Final, Literal, TypeAlias

from msgspec import Meta

from perfkit.features.thresholds._match import Match
from perfkit.features.thresholds._quantities import seconds, share
from perfkit.features.thresholds._window import HIGHEST, LOWEST
from perfkit.options import BadOption, Options

Severity: TypeAlias = Literal["info", "warning", "critical"]
Amount: TypeAlias = str | float

# The options of a rule that limit a duration.
PERCENTILES: Final = ("p50", "p95", "p99")
DAY: Final = 86_400.0

EVENT_STREAM: Final = "text/event-stream"
_MEDIA_TYPE: Final = re.compile(r"[!#$&^_.+a-z0-9-]+/[!#$&^_.+a-z0-9-]+")

# It becomes a label of an alert, and stands in its texts, where templates have braces.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Rule(Options, frozen=True, kw_only=True):
    """What some requests may take, and how many of them may fail. At least one limit has to be there.

    Attributes:
        name: in the log, for the hooks and in alerts.
        match: the requests; by default all.
        p50: longest median of the durations, from the request to the last byte: ``"300ms"``, ``"1.5s"`` or seconds.
        p95: likewise what 95 of 100 requests take at most.
        p99: likewise 99 of 100.
        error_rate: largest share of requests that fail, with a status from 500 up or before their response is
            complete: ``"5%"`` or 0.05.
        slow: longest duration of any single request.
        window: how far to look back, in steps of a tenth of it: ``"5m"``, or seconds; from 10 seconds to a day.
        minimum: requests that the window has to hold before anything is said of them; not for `slow`.
        cooldown: after something was said of a limit, how long nothing is said of it again but that it holds: ``"5m"``,
            or seconds; at most a day.
        severity: ``"info"``, ``"warning"`` or ``"critical"``: the level in the log and the label of the alert.
    """

    name: str
    match: Match = Match()
    p50: Amount | None = None
    p95: Amount | None = None
    p99: Amount | None = None
    error_rate: Amount | None = None
    slow: Amount | None = None
    window: Amount = "5m"
    minimum: Annotated[int, Meta(ge=1)] = 20
    cooldown: Amount = "5m"
    severity: Severity = "warning"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            mend = "write letters, digits, '_', '.' and '-', as in 'api'"
            raise BadOption("name", f"{self.name!r} is not a name", mend)
        for option in (*PERCENTILES, "slow"):
            self.duration(option)
        if self.error_rate is not None:
            share("error_rate", self.error_rate)
        if all(getattr(self, option) is None for option in (*PERCENTILES, "error_rate", "slow")):
            raise BadOption("p95", "the rule has no limit", "write for example p95 = '300ms' or error_rate = '5%'")
        self.window_seconds()
        self.cooldown_seconds()

    def duration(self, option: str) -> float | None:
        """The limit of that name in seconds; None where there is none."""
        value: Amount | None = getattr(self, option)
        return None if value is None else seconds(option, value, least=LOWEST, most=HIGHEST)

    def window_seconds(self) -> float:
        """How far to look back."""
        return seconds("window", self.window, least=10, most=DAY)

    def cooldown_seconds(self) -> float:
        """How long nothing is said again."""
        return seconds("cooldown", self.cooldown, least=0, most=DAY)


class ThresholdsOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``thresholds``.

    Attributes:
        rules: the rules; all that fit a request count it.
        streams: content types of responses whose duration says nothing, as they stay open for long.
        on_breach: a function that is given a `Report` each time that one is logged.
        on_recovery: likewise where the limit holds again.
    """

    rules: Annotated[tuple[Rule, ...], Meta(min_length=1)]
    streams: tuple[str, ...] = (EVENT_STREAM,)
    on_breach: Callable[..., Any] | None = None
    on_recovery: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        for name, count in Counter(rule.name for rule in self.rules).items():
            if count > 1:
                index = max(index for index, rule in enumerate(self.rules) if rule.name == name)
                mend = "give each a name of its own"
                raise BadOption(f"rules[{index}].name", f"{name!r} is there {count} times", mend)
        for index, kind in enumerate(self.streams):
            if not _MEDIA_TYPE.fullmatch(kind):
                problem = f"{kind!r} is not a content type in lower case, without parameters"
                raise BadOption(f"streams[{index}]", problem, f"write for example {EVENT_STREAM!r}")
        for option in ("on_breach", "on_recovery"):
            if iscoroutinefunction(getattr(self, option)):
                mend = "write a plain function; it is called on a thread where there is an event loop"
                raise BadOption(option, "nobody would await a coroutine", mend)
