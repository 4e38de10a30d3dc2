"""Writes the tables of a run into a page, between its markers."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measure import Run
from benchmarks.results import Judged, Result, Row

BEGIN = "<!-- results: written by python -m benchmarks --markdown -->"
END = "<!-- end of results -->"


def filled(text: str, found: Sequence[Result], run: Run, packages: dict[str, str]) -> str:
    """The page with the tables of this run in place of those before.

    Raises:
        SystemExit: the page has no markers.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"the page needs two lines to write between: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{tables(found, run, packages)}\n\n{END}{after}"


def tables(found: Sequence[Result], run: Run, packages: dict[str, str]) -> str:
    """All settings, what was skipped, and the versions."""
    blocks = ["\n".join(_setting(result)) for result in found]
    if run.skipped:
        skipped = [f"- {key.setting}, {key.variant}: {reason}" for key, reason in run.skipped.items()]
        blocks.append("Not measured in this run:\n\n" + "\n".join(skipped))
    blocks.append("Versions: " + ", ".join(f"{name} {version}" for name, version in packages.items()) + ".")
    return "\n\n".join(blocks)


def _setting(result: Result) -> list[str]:
    setting = result.setting
    adds = any(result.shown_added(row) for row in result.rows)
    unit = setting.unit if setting.unit == "requests/s" else f"{setting.unit} each"
    head = ["variant", unit, *(["adds"] * adds), *([f"a {setting.parts[1]}"] if setting.parts else []), ""]
    head += ["ratio", "budget", ""]
    lines = [f"### {setting.title}", "", _line(head), _line(["---", *["---:"] * (len(head) - 5), *["---"] * 4])]
    lines += [_line(_cells(result, row, adds)) for row in result.rows]
    return [*lines, "", setting.note] if setting.note else lines


def _cells(result: Result, row: Row, adds: bool) -> list[str]:
    name = f"**{row.name}**" if row.side == "perfkit" else row.name
    numbers = [result.shown(row.cost), *([result.shown_added(row)] * adds)]
    if result.setting.parts:
        numbers.append(result.shown_part(row))
    ratios = [f"{judged.verdict.shown} {judged.shown_spread}" for judged in row.judged]
    lists = (ratios, list(map(_budget, row.judged)), list(map(_mark, row.judged)))
    return [name, *numbers, row.remark, *("<br>".join(lines) if any(lines) else "" for lines in lists)]


def _budget(judged: Judged) -> str:
    why = f" ({judged.goal.why})" if judged.goal.why else ""
    return f"{judged.verdict.budget}{why}"


def _mark(judged: Judged) -> str:
    return {True: "pass", False: "**miss**", None: ""}[judged.verdict.kept]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
