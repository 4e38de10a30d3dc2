"""Runs the code blocks of one documentation page: `python page.py docs/timing.md`.

The ```python blocks run in order and share a namespace, as a reader would type them; the ```toml blocks must parse.
A block that needs a world the tests have not (a live server, a database) is marked on the line before and then only
compiled:

    <!-- no-test: needs a running PostgreSQL -->
"""

import re
import sys
import tomllib
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>.*)")
LANGUAGE = re.compile(r"\s*(?:\{\s*\.)?(?P<name>\w*)")
NO_TEST = re.compile(r"\s*<!--\s*no-test\b:?\s*(?P<reason>.*?)\s*-->\s*")


class PageError(Exception):
    """A page that cannot be read as intended; the message starts with its place."""


@dataclass(frozen=True)
class Block:
    """One fenced block: `line` is the number of its first line of code, counted from 1."""

    language: str
    code: str
    line: int
    executed: bool


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, those indented below a tab or an admonition included."""
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    line_before = ""
    for number, line in lines:
        if opening := FENCE.fullmatch(line):
            code = []
            for _, inner in lines:
                if _closes(opening, inner):
                    break
                code.append(inner.removeprefix(opening["indent"]))
            else:
                raise PageError(f"{page}:{number}: this block is never closed")
            executed = _executed(line_before, f"{page}:{number - 1}")
            yield Block(_language(opening["info"]), "\n".join(code) + "\n", number + 1, executed)
        line_before = line


def _closes(opening: re.Match[str], line: str) -> bool:
    mark = line.strip()
    return mark.startswith(opening["fence"]) and not mark.strip(opening["fence"][0])


def _language(info: str) -> str:
    """`python`, `python title="app.py"` and `{ .python .annotate }` are all Python."""
    found = LANGUAGE.match(info)
    return found["name"] if found else ""


def _executed(line_before: str, place: str) -> bool:
    mark = NO_TEST.fullmatch(line_before)
    if mark and not mark["reason"]:
        raise PageError(f"{place}: say why: <!-- no-test: reason -->")
    return mark is None


def run(page: Path) -> None:
    # A module of its own: `if __name__ == "__main__"` starts no server here, and what looks annotations up through
    # sys.modules finds them.
    module = types.ModuleType("page")
    sys.modules["page"] = module
    for block in blocks(page):
        if block.language in {"python", "py"}:
            # Empty lines before it give each line the number it has on the page, so that tracebacks point there.
            code = compile("\n" * (block.line - 1) + block.code, page, "exec", dont_inherit=True)
            if block.executed:
                exec(code, module.__dict__)
        elif block.language == "toml":
            try:
                tomllib.loads(block.code)
            except tomllib.TOMLDecodeError as error:
                raise PageError(f"{page}:{block.line}: in the TOML block from here: {error}") from None


if __name__ == "__main__":
    run(Path(sys.argv[1]))
