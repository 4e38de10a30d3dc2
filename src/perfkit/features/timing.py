"""Timing: what a response took, told to the browser's developer tools in the Server-Timing header.

The header is complete before the first byte of the body is sent, so that it measures only up to there. Source: W3C
Server Timing, https://www.w3.org/TR/server-timing/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from time import perf_counter, process_time
from typing import Any, Final, Literal

from perfkit.exchange import Exchange, HeaderBlock, HeaderName
from perfkit.feature import Position
from perfkit.features._spans import OTHER, Entries, collect, span
from perfkit.options import BadOption, ConfiguredFeature, Options

__all__ = ["Timing", "TimingOptions", "span"]

SERVER_TIMING: Final = HeaderName("Server-Timing")
RESPONSE_TIME: Final = HeaderName("X-Response-Time")
AGE: Final = HeaderName("Age")

# Proxies refuse a response whose headers are too long: nginx has 4 KB for all of them by default.
MAX_ENTRIES: Final = 20
MAX_BYTES: Final = 1024 - len("Server-Timing: \r\n")
# Room kept for the entry that stands for those without room.
OTHER_BYTES: Final = 40
MAX_DESCRIPTION_LENGTH: Final = 100

_NOT_PRINTABLE: Final = re.compile(r"[^ -~]")
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?", re.ASCII)


class TimingOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``timing``.

    Attributes:
        total: whether to send ``total``, the time from the request to the first byte of the response.
        details: who gets the entries beside ``total``, those of spans, of other features and ``cpu``: clients that may
            see internals (see the ``internal`` section), everybody or nobody.
        cpu: whether to send ``cpu``, the processor time the whole process used meanwhile. One of the details.
        response_time: whether to send the total as X-Response-Time too.
        allow_origin: Timing-Allow-Origin: the origins whose scripts may read the timing of responses, or ``"*"``.
    """

    total: bool = True
    details: Literal["internal", "always", "never"] = "internal"
    cpu: bool = False
    response_time: bool = False
    allow_origin: Literal["*"] | tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.cpu and self.details == "never":
            raise BadOption("cpu", "nobody would see it while details is 'never'", "write details = 'internal'")
        if self.allow_origin != "*":
            for index, origin in enumerate(self.allow_origin):
                if not _ORIGIN.fullmatch(origin):
                    mend = "write it in lower case and without a path, as in 'https://app.example'"
                    raise BadOption(f"allow_origin[{index}]", f"{origin!r} is not an origin", mend)


class Timing(ConfiguredFeature[TimingOptions]):
    """Adds a Server-Timing header to responses; entries the application has set stay.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``Timing(response_time=True)``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
    """

    section = "timing"
    position = Position.TIMING
    observer = True
    Options = TimingOptions

    def __init__(self, options: TimingOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        options = self.options
        self._total = options.total
        self._cpu = options.cpu
        self._response_time = options.response_time
        self._collects = options.details != "never"
        self._public = options.details == "always"
        self._origins: HeaderBlock | None = None
        if options.allow_origin:
            origins = options.allow_origin if options.allow_origin == "*" else ", ".join(options.allow_origin)
            self._origins = HeaderBlock({"Timing-Allow-Origin": origins})

    def on_request(self, exchange: Exchange) -> None:
        if self._collects:
            exchange.state[self] = collect()
            if self._cpu:
                exchange.state[self, "cpu"] = process_time()

    def on_response(self, exchange: Exchange) -> None:
        milliseconds = (perf_counter() - exchange.started) * 1e3
        if self._origins is not None:
            exchange.set_default_headers(self._origins)
        # A cache gave this response: what was stored with it is of another day (RFC 9111 section 5.1).
        if exchange.has_response_header(AGE):
            return
        # One digit: finer would help those who look for secrets in times. Browsers round their own clocks to it too.
        value = f"total;dur={milliseconds:.1f}" if self._total else ""
        if self._collects:
            entries = exchange.state[self].entries
            if (entries is not None or self._cpu or exchange.timings) and (self._public or exchange.internal):
                value = ", ".join(self._with_details(value, exchange))
        if value:
            exchange.append_header(SERVER_TIMING, value)
        if self._response_time and not exchange.has_response_header(RESPONSE_TIME):
            exchange.set_header(RESPONSE_TIME, f"{milliseconds:.1f}")

    def _with_details(self, value: str, exchange: Exchange) -> list[str]:
        members = [value] if value else []
        if self._cpu:
            members.append(member("cpu", (process_time() - exchange.state[self, "cpu"]) * 1e3))
        members += [member(name, seconds * 1e3) for name, seconds in exchange.timings]
        entries: Entries | None = exchange.state[self].entries
        return members if entries is None else with_spans(members, entries.measured())

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        if self._collects:
            exchange.state[self].end()


def with_spans(members: list[str], spans: Mapping[str, tuple[float, str | None]]) -> list[str]:
    """Members of a Server-Timing header with those of the spans as far as there is room, the rest summed up."""
    room = MAX_BYTES - OTHER_BYTES - sum(len(each) + 2 for each in members)
    left_over: list[float] = []
    for name, (milliseconds, description) in spans.items():
        text = member(name, milliseconds, description)
        if name != OTHER and len(members) < MAX_ENTRIES - 1 and len(text) + 2 <= room:
            members.append(text)
            room -= len(text) + 2
        else:
            left_over.append(milliseconds)
    return [*members, member(OTHER, sum(left_over))] if left_over else members


def member(name: str, milliseconds: float, description: str | None = None) -> str:
    """One entry of the header; the name is a token."""
    shown = _NOT_PRINTABLE.sub("", description)[:MAX_DESCRIPTION_LENGTH] if description else ""
    if not shown:
        return f"{name};dur={milliseconds:.3f}"
    # The value of a quoted-string (RFC 9110 section 5.6.4).
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name};dur={milliseconds:.3f};desc="{escaped}"'
