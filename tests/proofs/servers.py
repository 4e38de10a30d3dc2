"""Real servers over https, in processes of their own."""

import base64
import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

from tests.proofs.tools import HERE, program

T = TypeVar("T")

WAIT = 60  # seconds until a server listens, a page shows something, a report has come; each takes about one

COMMANDS = {
    "uvicorn": "uvicorn {app} --port 0 --ws none --lifespan off --no-access-log --timeout-graceful-shutdown 1"
    " --ssl-keyfile {key} --ssl-certfile {certificate}",
    # One worker, since what was seen is kept in its memory.
    "gunicorn": "gunicorn {app} --bind 127.0.0.1:0 --worker-class gthread --threads 8 --graceful-timeout 1"
    " --keyfile {key} --certfile {certificate}",
}
# What they say once they listen. Port 0 leaves the choice to the system, so that no two tests collide.
LISTENING = re.compile(r"(?:running on|Listening at:) https://127\.0\.0\.1:(\d+)")


class Certificate(NamedTuple):
    """A certificate for any host that a browser is told to trust by its public key.

    Chromium sends no report to an endpoint over http, and keeps no page of a server that it does not trust.
    """

    path: Path
    key: Path
    flag: str

    @classmethod
    def new(cls, folder: Path) -> Self:
        openssl = program("openssl")
        command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        command += " -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout key -out certificate"
        subprocess.run((openssl, *command.split()), check=True, capture_output=True, cwd=folder)
        command = "pkey -in key -pubout -outform DER"
        public = subprocess.run((openssl, *command.split()), check=True, capture_output=True, cwd=folder).stdout
        trusted = base64.b64encode(hashlib.sha256(public).digest()).decode()
        return cls(folder / "certificate", folder / "key", f"--ignore-certificate-errors-spki-list={trusted}")


def eventually(condition: Callable[[], T]) -> T:
    """What the condition gives, as soon as that is something."""
    deadline = time.monotonic() + WAIT
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


@contextmanager
def serving(server: str, app: str, certificate: Certificate) -> Iterator[int]:
    """Run one of COMMANDS with an application; gives its port, and fails if it complained."""
    command = COMMANDS[server].format(app=app, key=certificate.key, certificate=certificate.path)
    log = certificate.path.parent / f"{app}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", *command.split()), stdout=output, stderr=output, cwd=HERE.parents[1]
        )
    try:
        eventually(lambda: LISTENING.search(log.read_text()) or process.poll() is not None)
        found = LISTENING.search(log.read_text())
        assert found, log.read_text()
        yield int(found[1])
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert not re.search("Traceback|Warning:", log.read_text()), log.read_text()
