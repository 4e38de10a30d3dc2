"""The tests of other projects, run against what replaces the code they are for.

They are fetched from the package index as source distributions, and nothing of them is kept in this repository.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.proofs.tools import missing

if TYPE_CHECKING:
    from pathlib import Path

FETCH_TIMEOUT = 120  # seconds; Django takes twelve
RUN_TIMEOUT = 120


def fetch(name: str, version: str, cache: Path) -> Path:
    """The source distribution of a package, fetched once for all runs and all workers of a run."""
    archive = cache / f"{name}-{version}.tar.gz"
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not archive.exists():
            download(name, version, cache)
    return archive


def download(name: str, version: str, to: Path) -> None:
    flags = ("--quiet", "--disable-pip-version-check", "--retries=1", "--no-deps", f"--no-binary={name}")
    command = (sys.executable, "-m", "pip", "download", *flags, f"--dest={to}", f"{name}=={version}")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        missing(f"fetching {name} took longer than {FETCH_TIMEOUT} s")
    if done.returncode:
        missing(f"cannot fetch {name} {version}:\n{done.stderr}")


def unpack(archive: Path, to: Path, *wanted: str) -> Path:
    """Unpack these files and folders; gives the folder they are in."""
    with tarfile.open(archive) as sdist:
        root = sdist.getnames()[0].split("/")[0]
        paths = tuple(f"{root}/{path}" for path in wanted)
        members = [member for member in sdist if member.name.startswith(paths)]
        sdist.extractall(to, members, filter="data")
    return to / root


def replace(file: Path, old: str, new: str) -> None:
    """Change the one line of this file that imports the original."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file}: {old!r} is there {text.count(old)} times"
    file.write_text(text.replace(old, new), encoding="utf-8")


def run(command: Sequence[str], directory: Path) -> str:
    """What Python prints when it runs this; fails where the tests do."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # what this run is told
    done = subprocess.run(
        (sys.executable, *command),
        cwd=directory,
        env=env,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
