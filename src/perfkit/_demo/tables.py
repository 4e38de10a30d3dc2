"""What the demo prints, for a terminal of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from perfkit._check import Grade
from perfkit._demo.asking import EVENTS, REVIEW, Answer, Change, Guess, Request, Watched
from perfkit._demo.monitoring import Checked, Measured

if TYPE_CHECKING:
    import httpx

SCRIPT_NONCE = re.compile(r'<script nonce="([^"]*)"')
POLICY_NONCE = re.compile(r"'nonce-([^']*)'")
UNCHANGED = frozenset({"date", "server", "content-length", "content-type", "etag", "last-modified"})

Compared = tuple[Request, Answer, Answer]


def sizes(answers: Iterable[Compared]) -> Table:
    """How large and how quick each answer is."""
    table = _table("The same requests of a browser, without perfkit and with it")
    table.add_column("request", max_width=28)
    table.add_column("bytes\nwithout", justify="right")
    table.add_column("\nwith", justify="right")
    table.add_column("\ncoding")
    table.add_column("ms\nwithout", justify="right")
    table.add_column("\nwith", justify="right")
    for request, plain, fast in answers:
        table.add_row(
            f"{request.what}\n[dim]{request.path}[/dim]",
            f"{plain.size:,}",
            f"{fast.size:,}",
            fast.headers.get("content-encoding", ""),
            f"{plain.milliseconds:.1f}",
            f"{fast.milliseconds:.1f}",
        )
    return table


def repeats(answers: Iterable[tuple[Request, Answer, Answer | None]]) -> Table:
    """What a client is sent that has the answer already, as its ETag says."""
    table = _table("Asked again with If-None-Match, as a browser does by itself")
    table.add_column("request", no_wrap=True)
    table.add_column("its ETag", no_wrap=True, max_width=13)
    table.add_column("status")
    for name in ("bytes\nfirst", "\nagain", "ms\nfirst", "\nagain"):
        table.add_column(name, justify="right")
    for request, first, again in answers:
        if again is not None:
            table.add_row(
                request.what,
                first.headers["etag"],
                str(again.status),
                f"{first.size:,}",
                f"{again.size:,}",
                f"{first.milliseconds:.1f}",
                f"{again.milliseconds:.1f}",
            )
    return table


def live(plain: Watched, fast: Watched) -> Table:
    """When the events of a stream could be read."""
    table = _table(f"Server-sent events as they happen: {EVENTS}")
    table.add_column("")
    table.add_column("\nbytes", justify="right")
    table.add_column("\ncoding")
    table.add_column("\nevents", justify="right")
    table.add_column("\narrivals", justify="right")
    table.add_column("ms to the\nfirst", justify="right")
    table.add_column("\nlast", justify="right")
    for name, seen in (("without perfkit", plain), ("with it", fast)):
        table.add_row(
            name,
            f"{seen.size:,}",
            seen.coding,
            str(len(seen.moments)),
            str(seen.arrivals),
            f"{seen.moments[0]:.1f}",
            f"{seen.moments[-1]:.1f}",
        )
    return table


def changes(made: Iterable[Change]) -> Table:
    """What becomes of changes to one version of a resource."""
    table = _table("Two readers change one review: precondition")
    for name in ("request", "If-Match", "status", "ETag now"):
        table.add_column(name)
    for change in made:
        table.add_row(f"{change.method} {REVIEW}", change.if_match or "none", str(change.status), change.etag)
    return table


def guesses(made: Sequence[Guess]) -> Table:
    """What becomes of a burst of wrong passwords, and of one after the pause that the server asks for."""
    table = _table("Somebody guesses a password: rate_limit, and once more after Retry-After")
    for name in ("POST /api/login", "status", "RateLimit", "Retry-After"):
        table.add_column(name)
    for number, guess in enumerate(made, start=1):
        table.add_row(f"guess {number}", str(guess.status), guess.rate_limit, str(guess.retry_after or ""))
    return table


def timings(answers: Iterable[Compared]) -> Table:
    """What the server says it did, where that is more than a total."""
    table = _table("What Server-Timing says of it")
    table.add_column("request", no_wrap=True)
    table.add_column("milliseconds, by what took them")
    for request, _, fast in answers:
        entries = fast.headers.get("server-timing", "")
        if "," in entries:
            table.add_row(request.what, entries)
    return table


def measured(routes: Iterable[Measured]) -> Table:
    """What a scrape says of the requests so far."""
    table = _table("What /metrics says of it, by route; none for paths that nobody has")
    table.add_column("route", no_wrap=True)
    for name in ("requests", "ms on average", "bytes on average"):
        table.add_column(name, justify="right")
    for each in routes:
        table.add_row(each.route or "none", str(each.requests), f"{each.milliseconds:.1f}", f"{each.size:,.0f}")
    return table


def health(checks: Iterable[Checked]) -> Table:
    """What a load balancer, or a person on the machine, is told."""
    table = _table("What /health says")
    table.add_column("check")
    table.add_column("status")
    table.add_column("ms", justify="right")
    for each in checks:
        table.add_row(each.name, each.status, f"{each.milliseconds:.1f}")
    return table


def added_headers(plain: Answer, fast: Answer) -> Table:
    """The headers that one answer has and the other has not."""
    table = _table("Headers perfkit adds to the HTML page with a nonce")
    table.add_column("header")
    table.add_column("value", overflow="fold")
    for name, value in fast.headers.items():
        if name not in UNCHANGED and name not in plain.headers:
            table.add_row(name, value)
    return table


def nonces(pages: list[httpx.Response]) -> Table:
    """The nonces of several answers for the same page."""
    table = _table("A nonce for each answer: the page's own script runs, and none that was injected")
    for column in ("answer", "nonce in its policy", "nonce in its script"):
        table.add_column(column, overflow="fold")
    for number, page in enumerate(pages, 1):
        policy = page.headers.get("content-security-policy", "")
        table.add_row(str(number), _first(POLICY_NONCE, policy), _first(SCRIPT_NONCE, page.text))
    return table


def grades(plain: Grade, fast: Grade) -> Table:
    """What takes or gives points, by rule."""
    table = _table("What perfkit check --headers says of it; what needs https is not graded here")
    table.show_footer = True
    for name, judged in (("without perfkit", plain), ("with it", fast)):
        table.add_column("", justify="right")
        table.add_column(name, f"grade {judged.letter}, {judged.score} points")
    for rule in dict.fromkeys(finding.rule for finding in (*plain.findings, *fast.findings) if finding.points):
        table.add_row(*_said(plain, rule), *_said(fast, rule))
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=SIMPLE_HEAD)


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else "none"


def _said(judged: Grade, rule: str) -> tuple[str, str]:
    """The points and the words of a grade's finding by this rule."""
    finding = next((finding for finding in judged.findings if finding.rule == rule), None)
    return (f"{finding.points:+d}" if finding.points else "0", finding.says) if finding else ("", "")
