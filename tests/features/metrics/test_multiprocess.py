"""Processes that count together: the totals of a scrape are what all of them counted, ended ones included."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from perfkit import prometheus
from perfkit.features.metrics._multiprocess_files import LOCK, MultiprocessFiles
from tests.proofs.servers import eventually

ROOT = Path(__file__).parents[3]
WAIT = 60  # seconds; an answer takes a few milliseconds
LISTENING = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")
CONFIGURATION = """
from perfkit.prometheus import child_exit

bind = "127.0.0.1:0"
workers = 4
"""


class Shop:
    """gunicorn with four workers, and the directory they share."""

    def __init__(self, port: int, folder: Path, log: Path) -> None:
        self.port = port
        self.folder = folder
        self.log = log
        self.answered: Counter[int] = Counter()  # by worker
        self.failed = 0
        self._lock = threading.Lock()

    def get(self, path: str = "/") -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            assert response.status == 200
            return response.read()
        finally:
            connection.close()

    def ask(self, times: int) -> None:
        for _ in range(times):
            try:
                worker = int(self.get())
            except (OSError, http.client.HTTPException):
                with self._lock:
                    self.failed += 1
            else:
                with self._lock:
                    self.answered[worker] += 1

    def load(self, times: int) -> list[threading.Thread]:
        threads = [threading.Thread(target=self.ask, args=(times,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        return threads

    def scrape(self) -> dict[str, float]:
        """The values of one scrape, by name; labels do not matter here."""
        found: dict[str, float] = defaultdict(float)
        for family in text_string_to_metric_families(self.get("/metrics").decode()):
            for sample in family.samples:
                found[sample.name] += sample.value
        return found

    def workers(self) -> set[int]:
        """The processes that have files."""
        return {int(found[1]) for path in self.folder.iterdir() if (found := re.search(r"_(\d+)\.db$", path.name))}


@contextmanager
def serving(folder: Path, *, together: bool = True) -> Iterator[Shop]:
    configuration, log, files = folder / "gunicorn.conf.py", folder / "log", folder / "metrics"
    configuration.write_text(CONFIGURATION)
    files.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PERFKIT_")}
    with log.open("wb") as output:
        process = subprocess.Popen(
            (sys.executable, "-m", "gunicorn", "-c", configuration, "tests.features.metrics.counted_wsgi:app"),
            cwd=ROOT,
            env={**inherited, **({"PROMETHEUS_MULTIPROC_DIR": str(files)} if together else {})},
            stdout=output,
            stderr=output,
        )
    try:
        found = eventually(lambda: LISTENING.search(log.read_text()))
        assert found, log.read_text()
        yield Shop(int(found[1]), files, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.mark.server
class TestGunicorn:
    def test_totals_survive_a_worker_that_is_killed(self, tmp_path):
        with serving(tmp_path) as shop:
            assert eventually(lambda: len(shop.workers()) == 4), shop.log.read_text()
            for thread in shop.load(40):
                thread.join()
            assert shop.failed == 0
            # A worker counts a request for perfkit's own metrics when the answer is on its way.
            assert eventually(lambda: shop.scrape()["http_server_requests_total"] == 160)

            victim = shop.answered.most_common(1)[0][0]
            os.kill(victim, signal.SIGKILL)
            assert eventually(lambda: victim not in shop.workers()), shop.log.read_text()
            assert eventually(lambda: len(shop.workers()) == 4)
            for thread in shop.load(40):
                thread.join()

            assert shop.failed == 0
            assert eventually(lambda: shop.scrape()["http_server_requests_total"] == 320)
            shown = shop.scrape()
            assert shown["shop_answered_total"] == shown["shop_took_seconds_count"] == 320
            assert shown["http_server_request_duration_seconds_count"] == 320
            assert shown["shop_open"] == 4  # the one that was killed is not among them
            assert "Traceback" not in shop.log.read_text(), shop.log.read_text()

    def test_totals_never_fall_or_double_under_load(self, tmp_path):
        with serving(tmp_path) as shop:
            assert eventually(lambda: len(shop.workers()) == 4), shop.log.read_text()
            threads, totals = shop.load(150), [0.0]
            killed: list[int] = []
            while any(thread.is_alive() for thread in threads):
                before = sum(shop.answered.values())
                try:
                    total = shop.scrape()["shop_answered_total"]
                except (OSError, http.client.HTTPException):  # it reached the worker that was killed
                    continue
                assert total >= before
                totals.append(total)
                if len(totals) % 5 == 0 and len(killed) < 3:
                    killed.append(min(shop.workers()))
                    with suppress(ProcessLookupError):  # the one before, whose files are still there
                        os.kill(killed[-1], signal.SIGKILL)
            assert totals == sorted(totals)
            assert killed
            answered = sum(shop.answered.values())
            # What was counted and not answered any more: at most what failed.
            assert answered <= shop.scrape()["shop_answered_total"] <= answered + shop.failed
            assert eventually(lambda: shop.workers().isdisjoint(killed))

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells of the children of a process")
    def test_workers_that_count_apart_are_told_of(self, tmp_path):
        """Their number stands in the configuration of gunicorn, which nobody can read but gunicorn."""
        with serving(tmp_path, together=False) as shop:
            assert eventually(lambda: shop.scrape() and "there are 4 worker processes" in shop.log.read_text())

    def test_files_of_a_server_before_this_one_are_folded(self, tmp_path):
        with serving(tmp_path) as shop:
            assert eventually(lambda: len(shop.workers()) == 4), shop.log.read_text()
            (shop.folder / "counter_999999999.db").write_bytes(next(shop.folder.glob("counter_*.db")).read_bytes())
            shop.scrape()
            assert 999999999 not in shop.workers()


def test_many_processes_leave_few_files_and_exact_totals(tmp_path):
    done = subprocess.run(
        (sys.executable, "-m", "tests.features.metrics.forking", "150"),
        cwd=ROOT,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["made"] == found["expected"]
    assert found["took"] == found["expected"] - 1000
    assert found["open"] == 0
    assert found["left"] == ["counter_archive.db", "histogram_archive.db", LOCK]
    # Three of the process that scrapes, three of each of at most four that wait for a scrape, two archives, the lock.
    assert found["most"] <= 18


class TestHook:
    """`child_exit` runs in gunicorn's main process, which it must not end, nor hold up."""

    @pytest.fixture(autouse=True)
    def _fresh(self, monkeypatch):
        monkeypatch.setattr(prometheus, "_ended", set())

    def test_without_a_directory_it_does_nothing(self, monkeypatch, caplog):
        monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
        prometheus.child_exit(None, SimpleNamespace(pid=1))
        assert not caplog.records

    def test_its_errors_are_logged(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
        prometheus.child_exit(None, SimpleNamespace(pid=1))
        assert "worker 1" in caplog.text

    def test_a_worker_that_ended_during_a_scrape_is_folded_with_the_next(self, tmp_path, monkeypatch):
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        free, buried = [False, True, True], []

        def bury(self, ended):
            buried.append(set(ended))
            return free.pop(0)

        monkeypatch.setattr(MultiprocessFiles, "bury", bury)
        for pid in (1, 2, 3):
            prometheus.child_exit(None, SimpleNamespace(pid=pid))
        assert buried == [{1}, {1, 2}, {3}]

    def test_importing_it_loads_nothing_else(self):
        code = "import sys, perfkit.prometheus; print({'prometheus_client', 'perfkit.features'} & set(sys.modules))"
        done = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "set()"
