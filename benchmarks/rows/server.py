"""uvicorn on one core, loaded by wrk on another."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from benchmarks.goals import Throughput
from benchmarks.model import BARE, Setting
from benchmarks.rows.asgi import ASGI, HAND, PEERS, TWO
from benchmarks.served import FAST, PLAIN, Served

# What only this process could prove is proven where they are called in it.
VARIANTS = tuple(
    replace(variant, proof=lambda: True)
    for variant in ASGI.variants
    if variant.name in (BARE, "secure", PEERS, HAND, TWO)
)
GOALS = (*(Throughput(of=name) for name in ("secure", PEERS, HAND)), Throughput(of=TWO, at_least=0.85))


def uvicorn(name: str, title: str, protocol: tuple[str, str], packages: tuple[str, ...]) -> Setting:
    return Setting(
        name=name,
        title=title,
        driver=partial(Served, protocol=protocol),
        variants=VARIANTS,
        goals=GOALS,
        unit="requests/s",
        rounds=16,
        quick_rounds=1,
        copies=2,
        packages=("uvicorn", *packages, "starlette", "secure", "timing-asgi"),
    )


SETTINGS = (
    uvicorn("uvicorn", "uvicorn (h11, asyncio) on one core, loaded by wrk", PLAIN, ("h11",)),
    uvicorn("uvicorn-fast", "uvicorn (httptools, uvloop) on one core, loaded by wrk", FAST, ("httptools", "uvloop")),
)
