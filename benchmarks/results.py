"""What a run came to, in the form that the terminal, the page, the chart and the JSON file show."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.measure import Run
from benchmarks.model import BARE, BYTES_PER_KIB, Costs, Goal, Key, Setting, Verdict


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
        return self.verdict.spread(self.spread)


@dataclass(frozen=True)
class Row:
    """One variant: what a request costs; `added` is what it costs beyond the bare application."""

    name: str
    side: str
    cost: float
    added: float | None
    remark: str
    judged: tuple[Judged, ...]


@dataclass(frozen=True)
class Result:
    setting: Setting
    rows: tuple[Row, ...]

    def shown(self, cost: float | None) -> str:
        """A cost in the setting's unit."""
        if cost is None:
            return ""
        if self.setting.unit == "requests/s":
            return f"{1 / cost:,.0f}"
        if self.setting.unit == "KiB":
            return f"{cost / BYTES_PER_KIB:,.1f}"
        if self.setting.unit == "B":
            return f"{cost:,.0f}"
        return f"{cost * 1e3:.2f}" if self.setting.unit == "ms" else f"{cost * 1e6:.2f}"

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
    # All series, the even and the odd ones.
    parts = (run.costs(), run.costs(0, 2), run.costs(1, 2))
    found = [Result(setting, tuple(_rows(setting, run, parts))) for setting in settings]
    return [result for result in found if result.rows]


def _rows(setting: Setting, run: Run, parts: tuple[Costs, ...]) -> list[Row]:
    bare, costs = Key(setting.name, BARE), parts[0]
    rows = []
    for variant in setting.variants:
        key = Key(setting.name, variant.name)
        if key in costs:
            added = costs[key] - costs[bare] if bare in costs and key != bare else None
            remark = _remark(setting.remark(run.answers[key], run.answers.get(bare)), run.garbage.get(key, 0))
            judged = [_judged(goal, setting, run, parts) for goal in setting.goals if goal.of == variant.name]
            rows.append(Row(variant.name, variant.side, costs[key], added, remark, tuple(filter(None, judged))))
    return rows


def _remark(remark: str, garbage: int) -> str:
    return ", ".join(filter(None, [remark, f"leaves {garbage} to gc" if garbage else ""]))


def _judged(goal: Goal, setting: Setting, run: Run, parts: tuple[Costs, ...]) -> Judged | None:
    """What a goal came to; None where what it is compared with was not measured."""
    verdicts = []
    for costs in (run.sizes(),) if goal.by_size else parts:
        with suppress(KeyError):  # of a single series there are no halves
            verdicts.append(goal.verdict(setting.name, costs))
    if not verdicts:
        return None
    ratios = [verdict.ratio for verdict in verdicts]
    return Judged(goal, verdicts[0], (max(ratios) - min(ratios)) / 2)


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
    """A run for other programs; costs in seconds, or in bytes where the unit is KiB or B."""
    return {
        "versions": packages,
        "settings": [
            {
                "name": result.setting.name,
                "title": result.setting.title,
                "unit": result.setting.unit,
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
        "cost": row.cost,
        "added": row.added,
        "series": series,
        "goals": goals,
    }
