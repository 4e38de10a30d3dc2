"""A Prometheus of the tests' own, on the configuration that integrations/prometheus brings."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.proofs.tools import program

FOLDER = Path(__file__).parents[3] / "integrations" / "prometheus"
START_TIMEOUT = 60  # seconds; a start takes about one


class Prometheus:
    """One that runs: what it says over HTTP."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def is_ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that a query gives now; fails where it is none."""
        answer = self._client.post("/api/v1/query", data={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer['error']}"
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        """All rules that it has loaded, and how they are."""
        groups = self._client.get("/api/v1/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def targets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.get("/api/v1/targets").json()["data"]["activeTargets"]
        return found


@contextmanager
def running(folder: Path, target: str, interval: str) -> Iterator[Prometheus]:
    """Run one that collects from this address, so often, with its files in the folder."""
    for rules in FOLDER.glob("*.rules.yml"):
        shutil.copy(rules, folder)
    text = (FOLDER / "prometheus.yml").read_text()
    assert text.count("127.0.0.1:8000") == 1
    assert text.count("15s") == 2
    (folder / "prometheus.yml").write_text(text.replace("127.0.0.1:8000", target).replace("15s", interval))
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus"), f"--web.listen-address={address}", "--config.file=prometheus.yml"]
    command += ["--storage.tsdb.path=data", "--log.level=warn"]
    log = folder / "prometheus.log"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
    try:
        with httpx.Client(base_url=f"http://{address}", timeout=30) as client:
            prometheus = Prometheus(client)
            deadline = time.monotonic() + START_TIMEOUT
            while not prometheus.is_ready():
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            yield prometheus
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
