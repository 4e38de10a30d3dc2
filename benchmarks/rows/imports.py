"""What importing takes, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from typing import Final

from benchmarks.goals import Ceiling
from benchmarks.model import Answer, Setting, Variant

_LINE: Final = re.compile(r"^import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)$", re.MULTILINE)


class Import:
    """Imports a module in a new interpreter."""

    def __init__(self, variant: Variant) -> None:
        self.module: str = variant.build()

    def modules(self) -> dict[str, int]:
        """The modules it loads beyond those of every interpreter, with the microseconds each took by itself."""
        command = [sys.executable, "-X", "importtime", "-c", f"import {self.module}"]
        output = subprocess.run(command, check=False, capture_output=True, text=True).stderr
        if "ModuleNotFoundError" in output:
            raise ImportError(output.strip().splitlines()[-1])
        found = [(name, int(own)) for own, name in _LINE.findall(output)]
        names = [name for name, _ in found]
        return dict(found[names.index("site") + 1 :])

    def answer(self) -> Answer:
        packages = {name.partition(".")[0] for name in self.modules()}
        others = packages - {self.module.partition(".")[0]} - sys.stdlib_module_names
        # Modules that were looked for in vain are listed too.
        return Answer(200, tuple(sorted(name for name in others if find_spec(name))), b"")

    def measure(self) -> float:
        return sum(self.modules().values()) / 1e6

    def garbage(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held."""


def loads(answer: Answer, bare: Answer | None) -> str:
    return "loads " + (", ".join(name.lstrip("_") for name in answer.headers) or "only the standard library")


IMPORTS = Setting(
    name="import",
    title="Importing",
    driver=Import,
    variants=(
        Variant(name="import perfkit", side="perfkit", build=lambda: "perfkit"),
        Variant(name="import perfkit.asgi", side="perfkit", build=lambda: "perfkit.asgi"),
        Variant(name="import secure", side="peer", build=lambda: "secure"),
        Variant(name="import flask", side="peer", build=lambda: "flask"),
        Variant(name="import starlette.applications", side="peer", build=lambda: "starlette.applications"),
    ),
    goals=(Ceiling(of="import perfkit", at_most=0.060),),
    unit="ms",
    rounds=15,
    copies=1,
    quick_rounds=1,
    remark=loads,
    packages=("secure", "flask", "starlette"),
)
SETTINGS = (IMPORTS,)
