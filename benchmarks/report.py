"""Shows a run in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from benchmarks.measure import Run
from benchmarks.results import Judged, Result, Row

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {"bare": "dim", "peer": "", "perfkit": "bold cyan"}


def report(found: Sequence[Result], run: Run, packages: dict[str, str], console: Console) -> None:
    """Print a table for each setting, what was skipped and how many budgets hold."""
    for result in found:
        console.print(table(result))
        if result.setting.note:
            console.print(f"  [dim]{result.setting.note}[/]")
        console.print()
    for key, reason in run.skipped.items():
        console.print(f"[yellow]skipped[/] {key.setting}, {key.variant}: {reason}")
    console.print("[dim]" + ", ".join(f"{name} {version}" for name, version in packages.items()) + "[/]")
    judged = [judged.verdict.kept for result in found for row in result.rows for judged in row.judged]
    kept, missed = judged.count(True), judged.count(False)
    console.print(f"[bold]{kept} of {kept + missed} budgets hold.[/]")


def table(result: Result) -> Table:
    """One setting."""
    setting = result.setting
    shown = Table(title=setting.title, title_justify="left", title_style="bold", expand=False)
    shown.add_column("variant")
    shown.add_column(setting.unit if setting.unit == "requests/s" else f"{setting.unit} each", justify="right")
    adds = any(result.shown_added(row) for row in result.rows)
    if adds:
        shown.add_column("adds", justify="right")
    if setting.parts:
        shown.add_column(f"a {setting.parts[1]}", justify="right")
    shown.add_column("", style="dim")
    shown.add_column("ratio")
    shown.add_column("budget")
    shown.add_column("")
    for row in result.rows:
        shown.add_row(*_cells(result, row, adds), style=STYLES[row.side])
    return shown


def _cells(result: Result, row: Row, adds: bool) -> list[str]:
    cells = [row.name, result.shown(row.cost)]
    if adds:
        cells.append(result.shown_added(row))
    if result.setting.parts:
        cells.append(result.shown_part(row))
    ratios = (f"{judged.verdict.shown} [dim]{judged.shown_spread}[/]" for judged in row.judged)
    budgets = (judged.verdict.budget for judged in row.judged)
    return [*cells, row.remark, "\n".join(ratios), "\n".join(budgets), "\n".join(map(_mark, row.judged))]


def _mark(judged: Judged) -> str:
    return {True: "[green]pass[/]", False: "[red]MISS[/]", None: ""}[judged.verdict.kept]
