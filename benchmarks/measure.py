"""Measures variants, interleaved (A B C A B C ...), so that a busy moment of the machine meets all alike.

Of the many short series of a variant the fastest counts: whatever else a machine does only ever makes a series slower.
Several copies of each variant take turns, as one is faster than another by where its objects lie in memory.
How far two halves of a run differ is told beside each ratio.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby

from benchmarks.codings import decoded
from benchmarks.model import BARE, Answer, Costs, Driver, Key, Setting, Skipped, Variant


@dataclass
class Run:
    """What was measured.

    Attributes:
        series: what a request cost, of each series of a variant, in order.
        answers: what each variant answered.
        garbage: objects that a request of each variant leaves to the garbage collector.
        skipped: what was not measured, and why.
    """

    series: dict[Key, list[float]] = field(default_factory=dict)
    answers: dict[Key, Answer] = field(default_factory=dict)
    garbage: dict[Key, int] = field(default_factory=dict)
    skipped: dict[Key, str] = field(default_factory=dict)

    def costs(self, start: int = 0, step: int = 1) -> Costs:
        """The cheapest series of each variant, of those that the slice names."""
        return {key: min(series[start::step]) for key, series in self.series.items() if series[start::step]}

    def sizes(self) -> Costs:
        """The bytes of each variant's body, as it is sent."""
        return {key: float(len(answer.body)) for key, answer in self.answers.items()}


def measure(settings: Sequence[Setting], *, quick: bool = False) -> Run:
    """Check each variant's response, then measure all of them.

    Raises:
        AssertionError: a variant's response is not what it should be.
    """
    run = Run()
    for rounds, group in groupby(settings, key=lambda one: one.quick_rounds if quick else one.rounds):
        with ExitStack() as stack:
            drivers = {key: found for setting in group for key, found in _drivers(setting, stack, run, quick)}
            gc.collect()
            gc.freeze()  # the frameworks are not garbage, and looking through them is no part of a request
            run.garbage.update((key, copies[0].garbage()) for key, copies in drivers.items())
            for turn in range(rounds):
                for key, copies in drivers.items():
                    run.series.setdefault(key, []).append(copies[turn % len(copies)].measure())
            gc.unfreeze()
    return run


def _drivers(setting: Setting, stack: ExitStack, run: Run, quick: bool) -> Iterator[tuple[Key, list[Driver]]]:
    make = (setting.quick_driver if quick else None) or setting.driver
    for variant in setting.variants:
        key = Key(setting.name, variant.name)
        try:
            copies = [make(variant) for _ in range(setting.copies)]
        except (ImportError, Skipped) as reason:
            if variant.side == "perfkit" and isinstance(reason, ImportError):
                raise
            run.skipped[key] = str(reason)
            continue
        for driver in copies:
            stack.callback(driver.close)
            run.answers[key] = driver.answer()
            check(key, variant, run.answers)
        yield key, copies


def check(key: Key, variant: Variant, answers: Mapping[Key, Answer]) -> None:
    """See that a variant answers as it should: a benchmark of a broken application is worth nothing."""
    where, answer = f"{key.setting}, {key.variant}", answers[key]
    assert answer.status == variant.status, f"{where}: status {answer.status}"
    missing = set(variant.expects) - set(answer.headers)
    assert not missing, f"{where}: without {', '.join(sorted(missing))}; it has {', '.join(answer.headers)}"
    assert variant.proof(), f"{where}: it has not run"
    bare = answers.get(key._replace(variant=BARE), answer)
    if variant.coding is not None:
        assert answer.coding == variant.coding, f"{where}: in the coding {answer.coding!r}"
    expected = decoded(bare) if answer.status == bare.status else b""
    assert decoded(answer) == expected, f"{where}: another body than the bare application's"
    assert not {"server-timing", "x-frame-options"} & set(bare.headers), f"{where}: compared with what is not bare"
