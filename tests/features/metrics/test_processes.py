"""Where processes count together, in the files of prometheus-client, they count the same."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PATH = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])

# prometheus-client decides when it is imported, so that each of these runs in a process of its own.
COLLECTED = """
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
from tests.features.metrics.measured import Measured, AppError

def collected():
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
"""


def run(directory: Path, code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": PATH, "PROMETHEUS_MULTIPROC_DIR": str(directory), **environ}
    command = [sys.executable, "-W", "error", "-c", COLLECTED + code]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)


def passes(directory: Path, code: str) -> None:
    done = run(directory, code)
    assert done.returncode == 0, done.stderr


def test_totals_are_those_of_the_model(tmp_path):
    passes(
        tmp_path,
        """
import random
from tests.features.metrics.model import CANCELLED, RAISED, STOPPED, Model, Visit

chance, measured, model = random.Random(6), Measured(), Model()
for _ in range(500):
    visit = Visit(
        method=chance.choice(["GET", "POST", "FOO"]),
        route=chance.choice([None, "/", "/books/{id}"]),
        status=chance.choice([0, 200, 404, 500, 600]),
        seconds=chance.randrange(20000) / 1024,
        error=chance.choice([None, None, CANCELLED, STOPPED, RAISED]),
        gone=chance.random() < 0.2,
        sent=chance.randrange(1000),
        received=chance.choice([0, 10]),
        stream=chance.random() < 0.2,
    )
    measured.serve(**visit.given())
    model.serve(visit)
values = collected()
totals = {key: value for key, value in values.items() if key[0].endswith(("_total", "_count")) and value}
assert totals == dict(model.counts), (totals, model.counts)
sums = {key: value for key, value in values.items() if key[0].endswith("_sum") and value}
assert sums == {key: value for key, value in model.sums.items() if value}
assert not any(value for (name, *_), value in values.items() if "active" in name)
""",
    )


def test_all_else_is_counted_too(tmp_path):
    passes(
        tmp_path,
        """
from types import SimpleNamespace
measured = Measured(max_series=2, labels={"tenant": lambda exchange: "acme"}, exemplar=lambda exchange: "a" * 1000)
measured.begin()
assert collected()["http_server_active_requests", "GET"] == 1
measured.connect()
measured.end(measured.connect(close_code=1000, messages_sent=3))
measured.serve(route="/a", facts={"conditional": "made", "queries": SimpleNamespace(count=2, seconds=0.5)})
for route in ("/b", "/c", "/d"):
    measured.serve(route=route)
recorder = measured.metrics._recorder
recorder.observe_span("db", 0.5)
recorder.observe_lag(0.25)
values = collected()
assert values["http_server_active_requests", "GET"] == 1
assert values["http_server_active_websockets",] == 1
assert values["http_server_websocket_messages_total", "sent", "/chat"] == 3
assert values["http_server_websocket_duration_seconds_count", "normal", "/chat"] == 1
assert values["http_server_requests_total", "", "GET", "200", "/a", "acme"] == 1
assert values["http_server_requests_total", "", "_OTHER", "2xx", "__overflow__", ""] == 2
assert values["perfkit_metrics_overflow_total", "http_server_requests_total"] == 2
assert values["perfkit_conditional_responses_total", "made"] == 1
assert values["db_client_request_queries_sum", "/a"] == 2
assert values["perfkit_span_duration_seconds_sum", "db"] == 0.5
assert values["asyncio_event_loop_lag_seconds_sum",] == 0.25
""",
    )


def test_processes_add_up(tmp_path):
    for _ in range(3):
        passes(tmp_path, "Measured().serve(); Measured()")
    passes(tmp_path, "assert collected()['http_server_requests_total', '', 'GET', '200', '/books/{id}'] == 3")


def test_process_that_is_forked_counts_for_itself(tmp_path):
    passes(
        tmp_path,
        """
import os
measured = Measured()
measured.serve()
if (child := os.fork()) == 0:
    measured.serve()
    os._exit(0)
os.waitpid(child, 0)
measured.serve()
assert collected()['http_server_requests_total', '', 'GET', '200', '/books/{id}'] == 3
""",
    )


def test_name_that_is_taken_leaves_nothing_behind(tmp_path):
    passes(
        tmp_path,
        """
from prometheus_client import Gauge
from perfkit import ConfigurationError
registry = CollectorRegistry()
Gauge("perfkit_metrics_overflow", "Somebody's.", registry=registry)
names = set(registry._names_to_collectors)
try:
    Measured(registry=registry)
except ConfigurationError as error:
    assert error.setting == "metrics.registry"
else:
    raise AssertionError
assert set(registry._names_to_collectors) == names
""",
    )


def test_variable_that_is_set_too_late_is_an_error(tmp_path):
    code = """
import os
os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.environ.pop("LATER")
Measured()
"""
    environment = {key: value for key, value in os.environ.items() if key != "PROMETHEUS_MULTIPROC_DIR"}
    environment |= {"PYTHONPATH": PATH, "LATER": str(tmp_path)}
    command = [sys.executable, "-c", COLLECTED + code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode != 0
    assert "ConfigurationError: PROMETHEUS_MULTIPROC_DIR: it was set after prometheus_client" in done.stderr
