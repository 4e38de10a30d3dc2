"""How ``perfkit check`` shows a page: in colour where rich is installed, else as plain text."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from perfkit._check.fetching import Response, Responses
from perfkit._check.grading import Grade

_MOST: Final = 300  # characters of a value


def show(responses: Responses, grade: Grade) -> None:
    """Print what the page sends, and what there is to say of it."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ModuleNotFoundError:
        sys.stdout.write("".join(f"{line}\n" for line, _ in lines(responses, grade)))
        return
    console = Console(highlight=False)
    for line, style in lines(responses, grade):
        console.print(Text(line, style), soft_wrap=True)


def lines(responses: Responses, grade: Grade) -> Iterator[tuple[str, str]]:
    """The lines to print, each with its style."""
    for hop in responses.route[:-1]:
        yield f"{hop.status}  {hop.url}", "dim"
    page = responses.page
    yield f"{page.status}  {page.url}", "bold"
    yield from ((f"     {line}", "") for line in _headers(page))
    yield "", ""
    for finding in sorted(grade.findings, key=lambda finding: finding.points):
        bad = finding.points < 0
        style = "red" if bad else "yellow" if finding.setting else "green"
        yield f"{finding.points:+4d}  {finding.says}" if finding.points else f"      {finding.says}", style
        if finding.setting:
            yield f"        -> {finding.setting}", "dim"
    yield "", ""
    yield f"Grade {grade.letter} ({grade.score} points, by the rules of the MDN HTTP Observatory)", "bold"


def _headers(page: Response) -> Iterator[str]:
    for name, value in page.headers:
        if name == "set-cookie":
            pair, separator, attributes = value.partition(";")
            value = f"{pair.partition('=')[0]}=...{separator}{attributes}"  # the session it stands for is live
        yield f"{name}: {value if len(value) <= _MOST else value[:_MOST] + ' ...'}"
