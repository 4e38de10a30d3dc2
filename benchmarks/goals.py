"""What variants are held to: ratios between variants of one run, and a few budgets that no ratio tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from benchmarks.model import BARE, BYTES_PER_KIB, Costs, Key, Unit, Verdict


@dataclass(frozen=True, kw_only=True)
class Share:
    """What a variant adds to its bare application, as a share of what another adds to its own.

    Attributes:
        of: the variant.
        beyond: the variant that what it adds is counted from; by default the bare application.
        against: the other one.
        against_setting: where that stands; by default in the same setting.
        at_most: the budget; None where the ratio is only told.
        why: where the budget comes from.
    """

    of: str
    beyond: str = BARE
    against: str
    against_setting: str = ""
    at_most: float | None = None
    why: str = ""

    by_size: ClassVar[bool] = False

    def verdict(self, setting: str, costs: Costs) -> Verdict:
        """Judge; raises KeyError where one of the variants was not measured."""
        other = self.against_setting or setting
        added = _added(setting, self.of, costs) - _added(setting, self.beyond, costs)
        ratio = added / max(_added(other, self.against, costs), 1e-9)
        shown = f"{ratio:.2f} of {self.against}" + (f" ({other})" if other != setting else "")
        if self.beyond != BARE:
            shown += f", counted from {self.beyond}"
        if self.at_most is None:
            return Verdict(ratio, shown, "", None)
        return Verdict(ratio, shown, f"at most {self.at_most:.2f}", ratio <= self.at_most)


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """Requests per second of a variant as a share of the bare application's."""

    of: str
    at_least: float | None = None
    why: str = ""

    by_size: ClassVar[bool] = False

    def verdict(self, setting: str, costs: Costs) -> Verdict:
        """Judge; raises KeyError where one of the variants was not measured."""
        ratio = costs[Key(setting, BARE)] / costs[Key(setting, self.of)]
        if self.at_least is None:
            return Verdict(ratio, f"{ratio:.2f} of {BARE}", "", None)
        return Verdict(ratio, f"{ratio:.2f} of {BARE}", f"at least {self.at_least:.2f}", ratio >= self.at_least)


@dataclass(frozen=True, kw_only=True)
class Ceiling:
    """A budget in seconds or bytes, for what no ratio tells.

    Attributes:
        beyond: the variant that the cost is counted from, where there is one.
    """

    of: str
    at_most: float
    beyond: str = ""
    unit: Unit = "ms"
    why: str = ""

    by_size: ClassVar[bool] = False

    def verdict(self, setting: str, costs: Costs) -> Verdict:
        """Judge; raises KeyError where the variant was not measured."""
        cost = costs[Key(setting, self.of)] - (costs[Key(setting, self.beyond)] if self.beyond else 0.0)
        show = partial(_whole, self.unit)
        budget = f"at most {show(self.at_most)}"
        return Verdict(cost, show(cost), budget, cost <= self.at_most, lambda spread: f"±{show(spread)}")


@dataclass(frozen=True, kw_only=True)
class Size:
    """The bytes of a variant's body as a share of those of another's."""

    of: str
    against: str
    at_most: float | None = None
    why: str = ""

    by_size: ClassVar[bool] = True

    def verdict(self, setting: str, sizes: Costs) -> Verdict:
        """Judge by the sizes of the bodies; raises KeyError where one of the variants was not measured."""
        ratio = sizes[Key(setting, self.of)] / sizes[Key(setting, self.against)]
        told = f"{ratio:.3f} of the size of {self.against}"
        if self.at_most is None:
            return Verdict(ratio, told, "", None, _exact)
        return Verdict(ratio, told, f"at most {self.at_most:.2f} of its size", ratio <= self.at_most, _exact)


def _exact(spread: float) -> str:
    """What is counted has no spread."""
    return ""


def _whole(unit: Unit, cost: float) -> str:
    """A cost with its unit, where whole numbers say enough; of microseconds they do not."""
    if unit == "us":
        return f"{cost * 1e6:.1f} us"
    if unit == "B":
        return f"{cost:.0f} B"
    return f"{cost / BYTES_PER_KIB:.0f} KiB" if unit == "KiB" else f"{cost * 1e3:.0f} ms"


def _added(setting: str, variant: str, costs: Costs) -> float:
    return costs[Key(setting, variant)] - costs[Key(setting, BARE)]
