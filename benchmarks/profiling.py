"""Says where the time of one variant goes, to explain a budget that is missed."""

from __future__ import annotations

import cProfile
import pstats
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rich.table import Table

from benchmarks.inprocess import InProcess
from benchmarks.rows import settings

if TYPE_CHECKING:
    from rich.console import Console

REQUESTS = 20_000
# So many are not needed where one takes long.
SECONDS = 2.0
# As the profiler names one: file, line and name.
Function: TypeAlias = "tuple[str, int, str]"
# What takes less of a request is not shown.
LEAST = 0.05e-6


def profile(name: str, console: Console) -> None:
    """Print what perfkit's functions take of one request of a variant, and what they call.

    The profiler makes calls dearer than they are, so only the shares count.

    Raises:
        SystemExit: there is no such variant, or it does not run in this process.
    """
    driver = _driver(name)
    driver.answer()
    requests = min(REQUESTS, driver.requests_in(SECONDS))
    driver.repeat(requests // 20)
    profiler = cProfile.Profile()
    profiler.enable()
    seconds = driver.repeat(requests)
    profiler.disable()
    console.print(_table(f"{name}: {seconds / requests * 1e6:.1f} us a request", pstats.Stats(profiler), requests))


def _driver(name: str) -> InProcess:
    setting_name, _, variant_name = name.partition("/")
    variants = {
        f"{setting.name}/{variant.name}": (setting, variant) for setting in settings([]) for variant in setting.variants
    }
    if name not in variants:
        beginning = [each for each in variants if each.startswith(setting_name)] or list(variants)
        raise SystemExit(f"there is no {setting_name}/{variant_name}; there are:\n  " + "\n  ".join(beginning))
    setting, variant = variants[name]
    driver = setting.driver(variant)
    if not isinstance(driver, InProcess):
        driver.close()
        raise SystemExit(f"{setting.title} does not run in this process")
    return driver


def _table(title: str, stats: pstats.Stats, requests: int) -> Table:
    shown = Table(title=f"{title} under the profiler", title_justify="left")
    shown.add_column("us", justify="right")
    shown.add_column("calls", justify="right")
    shown.add_column("perfkit's functions without what they call, and what they call outside perfkit")
    rows = sorted(_costs(stats), reverse=True)
    for seconds, calls, function in rows:
        if seconds > LEAST * requests:
            style = "bold cyan" if _is_ours(function) else ""
            shown.add_row(f"{seconds / requests * 1e6:.2f}", f"{calls / requests:.1f}", _place(*function), style=style)
    shown.add_section()
    shown.add_row(f"{sum(seconds for seconds, _, _ in rows) / requests * 1e6:.2f}", "", "all of these")
    return shown


def _costs(stats: pstats.Stats) -> Iterator[tuple[float, int, Function]]:
    """Seconds and calls of each function, as far as they are perfkit's doing."""
    for function, (_, calls, own, _, callers) in stats.stats.items():  # type: ignore[attr-defined]
        if _is_ours(function):
            yield own, calls, function
        else:
            by_us = [caller for name, caller in callers.items() if _is_ours(name)]
            yield sum(caller[2] for caller in by_us), sum(caller[0] for caller in by_us), function


def _is_ours(function: Function) -> bool:
    return "perfkit" in Path(function[0]).parts


def _place(file: str, line: int, function: str) -> str:
    """Where a function stands, without the place where packages are installed."""
    path = Path(file)
    for root in map(Path, sorted(sys.path, key=len, reverse=True)):
        if root != Path() and path.is_relative_to(root):
            return f"{path.relative_to(root)}:{line} {function}"
    return f"{path.name}:{line} {function}"
