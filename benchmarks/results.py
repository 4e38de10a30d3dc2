"""What a run came to, in the form that the terminal, the page, the chart and the JSON file show."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.measure import Run
from benchmarks.model import BARE, Ceiling, Goal, Key, Setting, Times, Verdict


@dataclass(frozen=True)
class Judged:
    """A goal and what it came to.

    Attributes:
        spread: half of what the ratio differs by between the odd, the even and all series of the run.
    """

    goal: Goal
    verdict: Verdict
    spread: float

    @property
    def shown_spread(self) -> str:
        return f"±{self.spread * 1e3:.0f} ms" if isinstance(self.goal, Ceiling) else f"±{self.spread:.2f}"


@dataclass(frozen=True)
class Row:
    """One variant, in seconds a request; `added` is what it takes beyond the bare application."""

    name: str
    side: str
    seconds: float
    added: float | None
    remark: str
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Result:
    setting: Setting
    rows: tuple[Row, ...]

    def shown(self, seconds: float | None) -> str:
        """A time in the setting's unit."""
        if seconds is None:
            return ""
        if self.setting.unit == "requests/s":
            return f"{1 / seconds:,.0f}"
        return f"{seconds * 1e3:.1f}" if self.setting.unit == "ms" else f"{seconds * 1e6:.2f}"

    def shown_added(self, row: Row) -> str:
        """What a variant adds to the bare application; a rate is not a cost, and is told as a ratio only."""
        return "" if self.setting.unit == "requests/s" or row.added is None else self.shown(row.added)

    def shown_part(self, row: Row) -> str:
        """What a variant adds to each part of the response (a chunk of a stream), in microseconds."""
        if self.setting.parts is None or row.added is None:
            return ""
        return f"{row.added / self.setting.parts[0] * 1e6:.2f}"


def results(settings: Sequence[Setting], run: Run) -> list[Result]:
    """What was measured of each setting, leaving out those of which nothing was."""
    times, halves = run.times(), (run.times(0, 2), run.times(1, 2))
    found = [Result(setting, tuple(_rows(setting, run, times, halves))) for setting in settings]
    return [result for result in found if result.rows]


def _rows(setting: Setting, run: Run, times: Times, halves: tuple[Times, Times]) -> list[Row]:
    bare = Key(setting.name, BARE)
    rows = []
    for variant in setting.variants:
        key = Key(setting.name, variant.name)
        if key in times:
            added = times[key] - times[bare] if bare in times and key != bare else None
            remark = _remark(setting.remark(run.answers[key], run.answers.get(bare)), run.garbage.get(key, 0))
            judged = [_judged(goal, setting, times, halves) for goal in setting.goals if goal.of == variant.name]
            rows.append(Row(variant.name, variant.side, times[key], added, remark, tuple(filter(None, judged))))
    return rows


def _remark(remark: str, garbage: int) -> str:
    return ", ".join(filter(None, [remark, f"leaves {garbage} to gc" if garbage else ""]))


def _judged(goal: Goal, setting: Setting, times: Times, halves: tuple[Times, Times]) -> Judged | None:
    """What a goal came to; None where what it is compared with was not measured."""
    try:
        verdict = goal.verdict(setting.name, times)
    except KeyError:
        return None
    ratios = [verdict.ratio]
    for half in halves:
        with suppress(KeyError):  # of a single series there are no halves
            ratios.append(goal.verdict(setting.name, half).ratio)
    return Judged(goal, verdict, (max(ratios) - min(ratios)) / 2)


def versions(settings: Sequence[Setting]) -> dict[str, str]:
    """The versions of Python and of all packages that a run is about."""
    names = dict.fromkeys(("perfkit", *(name for setting in settings for name in setting.packages)))
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def as_data(found: Sequence[Result], run: Run, packages: dict[str, str]) -> dict[str, Any]:
    """A run for other programs; times in seconds."""
    return {
        "versions": packages,
        "settings": [
            {
                "name": result.setting.name,
                "title": result.setting.title,
                "rows": [_row_data(row, run.series[Key(result.setting.name, row.name)]) for row in result.rows],
            }
            for result in found
        ],
        "skipped": [{**key._asdict(), "reason": reason} for key, reason in run.skipped.items()],
    }


def _row_data(row: Row, series: list[float]) -> dict[str, Any]:
    goals = [
        {
            "against": getattr(judged.goal, "against", BARE),
            "ratio": judged.verdict.ratio,
            "spread": judged.spread,
            "shown": judged.verdict.shown,
            "budget": judged.verdict.budget,
            "kept": judged.verdict.kept,
        }
        for judged in row.judged
    ]
    return {
        "name": row.name,
        "side": row.side,
        "seconds": row.seconds,
        "added": row.added,
        "series": series,
        "goals": goals,
    }
