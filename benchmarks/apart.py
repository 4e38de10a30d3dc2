"""Runs one variant in a process of its own, for what is true of a whole process: its environment, its loop, its GIL.

``python -m benchmarks.apart MODULE SETTING VARIANT NUMBERS`` is that process. It makes the variant's driver, and then
does what each line says that it reads. It answers with a line of JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from benchmarks.model import Answer, Driver, Setting, Variant

CLOSE_SECONDS: Final = 30


class Apart:
    """A variant whose `build` gives what makes its driver there, of the numbers that are given here.

    Args:
        variant: the variant.
        module: where its setting stands.
        setting: the name of that.
        numbers: what the driver is made of.
        directory: the environment variable that names an empty directory; none by default.
    """

    def __init__(
        self, variant: Variant, *, module: str, setting: str, numbers: tuple[int, ...] = (), directory: str = ""
    ) -> None:
        self._directory = TemporaryDirectory()
        command = (sys.executable, "-m", __name__, module, setting, variant.name, *map(str, numbers))
        environ = os.environ | ({directory: self._directory.name} if directory else {})
        self._process = subprocess.Popen(command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        absent = self._answered()
        if absent:
            self.close()
            raise ImportError(absent)

    def answer(self) -> Answer:
        found = self._asked("answer")
        return Answer(found["status"], tuple(found["headers"]), b64decode(found["body"]), found["coding"])

    def measure(self) -> float:
        return float(self._asked("measure"))

    def garbage(self) -> int:
        return int(self._asked("garbage"))

    def close(self) -> None:
        self._process.communicate(timeout=CLOSE_SECONDS)
        self._directory.cleanup()

    def _asked(self, what: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._answered()

    def _answered(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return json.loads(line)


def serve(driver: Driver, asked: IO[str], answers: IO[str]) -> None:
    """Do what each line says, until there are no more."""
    for line in asked:
        found = getattr(driver, line.strip())()
        print(json.dumps(_plain(found) if isinstance(found, Answer) else found), file=answers, flush=True)


def _plain(answer: Answer) -> dict[str, Any]:
    return answer._asdict() | {"body": b64encode(answer.body).decode()}


def main(module: str, setting: str, variant: str, *numbers: str) -> None:
    settings: tuple[Setting, ...] = import_module(module).SETTINGS
    [variants] = [each.variants for each in settings if each.name == setting]
    [build] = [each.build for each in variants if each.name == variant]
    try:
        driver = build()(*map(int, numbers))
    except ImportError as error:
        print(json.dumps(str(error)), flush=True)
        return
    print(json.dumps(""), flush=True)
    serve(driver, sys.stdin, sys.stdout)
    driver.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
