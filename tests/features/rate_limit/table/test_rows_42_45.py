"""Rows 42 to 45 of the table: in how much time and memory it is counted, by which keys, and who is told."""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest

from perfkit import Exchange, Feature, RateLimit, Settings
from perfkit.feature import Position
from perfkit.rate_limit import Outcome
from tests.doors import DOORS, Door
from tests.features.rate_limit.redis_server import Server, free_port
from tests.features.rate_limit.shared import own_namespace
from tests.features.rate_limit.table.site import Site, rule
from tests.features.rate_limit.visits import Seconds, limited, visit

ROOT = Path(__file__).parents[4]
WSGI = next(door for door in DOORS if door.name == "wsgi")


def shared(server: Server) -> dict[str, Any]:
    return {"store": server.uri, "namespace": own_namespace(), "store_timeout": 20}


# 42, 43: time and memory


class Lines:
    """Counts the lines of Python that are run, whatever the machine does meanwhile."""

    def __init__(self) -> None:
        self.count = 0

    def _trace(self, frame: Any, event: str, argument: Any) -> Any:
        self.count += event == "line"
        return self._trace

    def of(self, work: Any) -> int:
        self.count, before = 0, sys.gettrace()
        sys.settrace(self._trace)
        try:
            work()
        finally:
            sys.settrace(before)
        return self.count


@pytest.mark.parametrize("algorithm", ["sliding", "gcra"])
def test_42_a_decision_takes_no_longer_the_more_clients_there_are(clock: Seconds, algorithm: str) -> None:
    feature = limited(rule("5/minute", algorithm=algorithm))
    few = Lines().of(lambda: visit(feature, client="192.0.2.1"))
    for number in range(5000):
        visit(feature, client=f"2001:db8:{number:x}::1")
    threads = threading.active_count()
    # With all of them there, in the moment when all have expired, and after they are gone.
    for seconds in (0, 61, 61, 300):
        clock.now += seconds
        assert Lines().of(lambda: visit(feature, client="192.0.2.1")) < 2 * few + 100
    assert threading.active_count() == threads


@pytest.mark.parametrize("algorithm", ["sliding", "gcra"])
def test_43_clients_who_are_made_up_do_not_grow_memory(clock: Seconds, algorithm: str) -> None:
    feature = RateLimit(rules=[rule("2/hour", algorithm=algorithm)], max_keys=300)
    store: Any = feature.store
    assert visit(feature, client="192.0.2.1").status == 200
    for number in range(3000):
        visit(feature, client=f"2001:db8:{number:x}::1")
    assert store.size <= 2 * (300 + 1024)
    # The one that is known keeps its quota, and those that are new share some.
    assert visit(feature, client="192.0.2.1").status == 200
    assert visit(feature, client="192.0.2.1").status == 429
    assert 429 in [visit(feature, client=f"2001:db8:{number:x}::2").status for number in range(3000, 9000)]


def test_43_nor_do_keys_that_are_long(door: Door) -> None:
    site = Site(door, rule("1/hour", key="header:X-Api-Key"), max_keys=10)
    assert [site.get("/", ("X-Api-Key", letter * 100_000)).status for letter in "aabb"] == [200, 429, 200, 429]


# 44: keys


@pytest.mark.server
@pytest.mark.usefixtures("shared_stores")
@pytest.mark.parametrize("value", ["secret\r\nFLUSHALL\r\n", "secret*[a-z]?{}", "s" * 1_000_000, "\xff\x00secret"])
def test_44_what_clients_send_is_never_in_a_store(door: Door, redis_server: Server, value: str) -> None:
    options = shared(redis_server)
    site = Site(door, rule("1/hour", key=["ip", "header:X-Api-Key"]), **options)
    assert site.statuses(2, "/", ("X-Api-Key", value)) == [200, 429]
    client = redis_server.client()
    keys = client.keys(f"*{options['namespace']}*")
    client.close()
    assert len(keys) == 1
    assert all(len(key) < 200 and "secret" not in key and "192.0.2" not in key and key.isascii() for key in keys)


# 45: who is told


class Notes(Feature):
    """A feature further out, as metrics are: notes what became of each request."""

    position: ClassVar[int] = Position.METRICS

    def __init__(self) -> None:
        self.outcomes: list[Any] = []

    def on_end(self, exchange: Exchange, error: BaseException | None) -> None:
        self.outcomes.append(exchange.facts.get("rate_limit"))


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> Notes:
    """What is noted at all sites of the test."""
    notes, features = Notes(), Settings.features
    monkeypatch.setattr(Settings, "features", lambda settings: [*features(settings), notes])
    return notes


def test_45_features_further_out_are_told_what_became_of_a_request(door: Door, notes: Notes) -> None:
    login = rule("1/hour", "login", match={"path": "/login"}, ban={"after": 2, "for": 60})
    trial = rule("2/hour", "trial", shadow=True)
    site = Site(door, rule("4/hour", "ip"), login, trial, exempt=[{"path": "/health"}])
    for target in ("/health", "/", "/login", "/login", "/login", "/login", "/", "/", "/"):
        site.get(target)
    assert notes.outcomes == [
        Outcome("exempt"),
        Outcome("allowed", ("ip", "trial")),
        Outcome("allowed", ("ip", "login", "trial")),
        Outcome("refused", ("ip", "login", "trial"), ("login",)),
        Outcome("banned", ("ip", "login", "trial"), ("login",)),
        Outcome("banned", ("ip", "login", "trial"), ("login",)),
        Outcome("allowed", ("ip", "trial"), (), ("trial",)),
        Outcome("allowed", ("ip", "trial"), (), ("trial",)),
        Outcome("refused", ("ip", "trial"), ("ip",)),
    ]


@pytest.mark.server
@pytest.mark.usefixtures("shared_stores")
def test_45_and_that_a_store_did_not_answer(door: Door, notes: Notes) -> None:
    gone: dict[str, Any] = {"store": f"redis://127.0.0.1:{free_port()}/0", "breaker": [1, 600.0], "store_timeout": 0.2}
    Site(door, rule("1/hour"), on_error="closed", **gone).get()
    Site(door, rule("1/hour"), on_error="local", **gone).statuses(2)
    assert notes.outcomes == [
        Outcome("unavailable", ("rule",), ("rule",), (), True),
        Outcome("allowed", ("rule",), (), (), True),
        Outcome("refused", ("rule",), ("rule",), (), True),
    ]


def test_45_a_function_of_the_application_is_told_of_refusals(door: Door) -> None:
    seen: list[Any] = []
    trial = rule("1/hour", "trial", shadow=True)
    site = Site(door, rule("3/hour"), trial, on_refused=lambda exchange, refusal: seen.append(refusal))
    assert site.statuses(4) == [200, 200, 200, 429]
    assert [(refusal.rules, refusal.shadow) for refusal in seen] == [
        (("trial",), True),
        (("trial",), True),
        (("rule",), False),
    ]


def test_45_no_log_has_a_key(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        site = Site(door, rule("1/hour", key=["ip", "header:X-Api-Key"]))
        site.statuses(3, "/", ("X-Api-Key", "sesame"))
    assert "sesame" not in caplog.text
    assert "192.0.2.1" not in caplog.text
