"""The programs of others that the proofs need: where one cannot be had, they are skipped, in CI they fail."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

HERE = Path(__file__).resolve().parent
INSTALL_TIMEOUT = 240  # seconds; an install takes about twenty


def missing(reason: str) -> NoReturn:
    """Skip the test, or fail it in CI, where everything is to be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def program(*names: str) -> str:
    """The path of the first of these programs that this machine has."""
    for name in names:
        if path := shutil.which(name):
            return path
    missing(f"needs {' or '.join(names)}, which is not installed")


def node_modules() -> Path:
    """Have what package.json names installed, once for all runs and all workers of a run."""
    npm = program("npm")
    stamp = HERE / "node_modules" / ".perfkit-installed"
    with (HERE / "package.json").open() as package:
        fcntl.flock(package, fcntl.LOCK_EX)
        wanted = package.read()
        if not stamp.exists() or stamp.read_text() != wanted:
            install(npm)
            stamp.write_text(wanted)
    return stamp.parent


def install(npm: str) -> None:
    flags = (
        "--ignore-scripts",
        "--omit=peer",  # ReDoc's bundle has React in it
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--fetch-retries=1",
        "--loglevel=error",
    )
    try:
        done = subprocess.run(
            (npm, "install", *flags), cwd=HERE, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        missing(f"npm install took longer than {INSTALL_TIMEOUT} s")
    if done.returncode:
        missing(f"npm install failed:\n{done.stderr}")
    # What the package's own install script would download: the hosts whose HSTS is preloaded. Ours are not.
    (HERE / "node_modules/@mdn/mdn-http-observatory/conf/hsts-preload.json").write_text("{}")
