"""What importing takes, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from typing import Final

from benchmarks.goals import Ceiling
from benchmarks.model import Answer, Setting, Variant

# Prints the seconds that the code in the middle takes, and the modules that it loads.
_PROGRAM: Final = """
import sys, time
before, started = set(sys.modules), time.perf_counter()
{}
print(time.perf_counter() - started, *set(sys.modules) - before)
"""


class Import:
    """Runs a variant's code in a new interpreter."""

    def __init__(self, variant: Variant) -> None:
        self._code: str = variant.build()

    def answer(self) -> Answer:
        _, *modules = self._run()
        packages = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names
        # Beside those that are named there. Some packages make modules of their own, which are no packages.
        others = (name for name in packages if name not in self._code and _is_package(name))
        return Answer(200, tuple(sorted(others)), b"")

    def measure(self) -> float:
        return float(self._run()[0])

    def garbage(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is held."""

    def _run(self) -> list[str]:
        command = [sys.executable, "-c", _PROGRAM.format(self._code)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if "ModuleNotFoundError" in done.stderr:
            raise ImportError(done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stderr
        return done.stdout.split()


def _is_package(name: str) -> bool:
    try:
        return not name.startswith("_") and find_spec(name) is not None
    except ValueError:  # it is loaded here too, and does not say from where
        return False


def loads(answer: Answer, bare: Answer | None) -> str:
    return "loads " + (", ".join(answer.headers) or "only the standard library")


def ours(name: str, code: str) -> Variant:
    return Variant(name=name, side="perfkit", build=lambda: code)


def theirs(name: str, code: str) -> Variant:
    return Variant(name=name, side="peer", build=lambda: code)


PERFKIT = "import perfkit"
TYPICAL = "exporter, secure, slowapi, GZip, timing-asgi"

IMPORTS = Setting(
    name="import",
    title="Importing",
    driver=Import,
    variants=(
        ours(PERFKIT, PERFKIT),
        ours("import perfkit.asgi", "import perfkit.asgi"),
        ours("the same, and a stack without settings", "import perfkit.asgi; perfkit.asgi.PerfkitMiddleware(None)"),
        ours("all names of perfkit", "from perfkit import *"),
        theirs("import prometheus_client", "import prometheus_client"),
        theirs("import secure", "import secure"),
        theirs("import svcs", "import svcs"),
        theirs(TYPICAL, "import secure, slowapi, starlette.middleware.gzip, starlette_exporter, timing_asgi"),
        theirs("import flask", "import flask"),
        theirs("import starlette.applications", "import starlette.applications"),
    ),
    goals=(Ceiling(of=PERFKIT, at_most=0.060),),
    unit="ms",
    rounds=15,
    copies=1,
    quick_rounds=1,
    remark=loads,
    note="perfkit loads a part of itself when a name of it is first used, so what an application pays for is the third "
    "line: all features that are on by default, prometheus-client among them where it is installed.",
    packages=(
        "prometheus-client",
        "secure",
        "svcs",
        "slowapi",
        "starlette-exporter",
        "timing-asgi",
        "flask",
        "starlette",
    ),
)
SETTINGS = (IMPORTS,)
