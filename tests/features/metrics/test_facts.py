"""What other features tell of an exchange is counted too."""

from types import SimpleNamespace

import pytest

from perfkit.features.compression import Outcome as Compressed
from perfkit.features.rate_limit._outcome import EXEMPT
from perfkit.features.rate_limit._outcome import Outcome as Limited
from tests.features.metrics.measured import Measured

RATE_LIMIT = "perfkit_rate_limit_decisions_total"
COMPRESSION = "perfkit_compression_responses_total"
INPUT = "perfkit_compression_input_bytes_total"
OUTPUT = "perfkit_compression_output_bytes_total"
CONDITIONAL = "perfkit_conditional_responses_total"
QUERIES = "db_client_request_queries"
QUERY_SECONDS = "db_client_request_duration_seconds"


def of_rules(measured: Measured) -> dict[tuple[str, ...], float]:
    """Decisions by rule and outcome."""
    return {(rule, outcome): value for (outcome, rule), value in measured.all(RATE_LIMIT).items()}


def test_facts_that_are_not_there_make_no_series(measured):
    measured.serve(facts={"content_type": "text/html"})
    assert not {name for name in measured.names() if name.startswith(("perfkit", "db"))}


def test_compressed_response(measured):
    measured.serve(facts={"compression": Compressed("gzip", "", 1000, 300)})
    measured.serve(facts={"compression": Compressed("gzip", "", 500, 100)})
    assert measured.value(COMPRESSION, coding="gzip", skip_reason="") == 2
    assert measured.value(INPUT, coding="gzip") == 1500
    assert measured.value(OUTPUT, coding="gzip") == 400


def test_response_that_is_not_compressed(measured):
    measured.serve(facts={"compression": Compressed(None, "too_small")})
    assert measured.value(COMPRESSION, coding="", skip_reason="too_small") == 1
    assert measured.all(INPUT) == {}


def test_bytes_of_a_compressed_stream_are_those_at_its_end(measured):
    outcome = Compressed("gzip")
    exchange = measured.begin()
    exchange.facts["compression"] = outcome
    measured.respond(exchange, body=None)
    outcome.before, outcome.after = 9000, 800
    measured.end(exchange)
    assert measured.value(OUTPUT, coding="gzip") == 800


def test_conditional_request(measured):
    measured.serve(status=304, facts={"conditional": "not_modified"})
    measured.serve(facts={"conditional": "skipped:stream"})
    assert measured.all(CONDITIONAL) == {("not_modified",): 1, ("skipped:stream",): 1}


@pytest.mark.parametrize(
    ("outcome", "decisions"),
    [
        (Limited("allowed", ("all",)), {("all", "allowed"): 1}),
        (Limited("allowed", ("all", "login")), {("all", "allowed"): 1, ("login", "allowed"): 1}),
        (Limited("allowed", ("all", "new"), (), ("new",)), {("all", "allowed"): 1, ("new", "shadow"): 1}),
        (Limited("refused", ("all", "login"), ("login",)), {("login", "refused"): 1}),
        (Limited("refused", ("all", "a"), ("all",), ("a",)), {("all", "refused"): 1, ("a", "shadow"): 1}),
        (Limited("banned", ("all",), ("all",)), {("all", "banned"): 1}),
        (Limited("unavailable", ("all",), ("all",), (), True), {("all", "unavailable"): 1, ("", "store_error"): 1}),
        (Limited("allowed", ("all",), (), (), True), {("all", "allowed"): 1, ("", "store_error"): 1}),
        (EXEMPT, {("", "exempt"): 1}),
    ],
    ids=str,
)
def test_decisions_of_the_rate_limit(measured, outcome, decisions):
    measured.serve(facts={"rate_limit": outcome})
    assert of_rules(measured) == decisions


def test_equal_facts_are_counted_together(measured):
    for _ in range(3):
        facts = {"rate_limit": Limited("allowed", ("all",)), "conditional": "made"}
        measured.serve(facts={**facts, "compression": Compressed(None, "type")})
    assert of_rules(measured) == {("all", "allowed"): 3}
    assert measured.all(CONDITIONAL) == {("made",): 3}
    assert measured.value(COMPRESSION, coding="", skip_reason="type") == 3


def test_queries_are_counted_by_route(measured):
    measured.serve(facts={"queries": SimpleNamespace(count=3, seconds=0.25)})
    measured.serve(facts={"queries": SimpleNamespace(count=0, seconds=0.0)})
    measured.serve(route=None, facts={"queries": SimpleNamespace(count=1, seconds=-1.0)})
    assert measured.all(f"{QUERIES}_sum") == {("/books/{id}",): 3, ("",): 1}
    assert measured.all(f"{QUERIES}_count") == {("/books/{id}",): 2, ("",): 1}
    assert measured.all(f"{QUERY_SECONDS}_sum") == {("/books/{id}",): 0.25, ("",): 0}


def test_facts_of_connections_are_counted(measured):
    exchange = measured.connect(403)
    exchange.facts["rate_limit"] = Limited("refused", ("all",), ("all",))
    measured.end(exchange)
    assert of_rules(measured) == {("all", "refused"): 1}


def test_facts_of_an_own_kind_do_not_touch_the_request(measured, caplog):
    for name in ("rate_limit", "compression", "conditional", "queries"):
        for fact in (object(), [], 1, "a"):
            measured.serve(facts={name: fact})
    assert list(measured.all("http_server_requests_total").values()) == [16]
    assert measured.all("http_server_active_requests") == {("GET",): 0}
    assert {type(record.exc_info[1]) for record in caplog.records} == {AttributeError, TypeError}
    assert len(caplog.records) == 2


def test_facts_have_no_more_series_than_the_cap():
    measured = Measured(max_series=3)
    for number in range(50):
        measured.serve(facts={"conditional": f"odd {number}", "rate_limit": Limited("allowed", (f"rule {number}",))})
    assert len(measured.all(CONDITIONAL)) == 4
    assert sum(measured.all(CONDITIONAL).values()) == 50
    assert of_rules(measured)["__overflow__", ""] == 47
    assert measured.value("perfkit_metrics_overflow_total", metric=CONDITIONAL) == 47


def test_combinations_of_facts_do_not_fill_the_memory(measured, monkeypatch):
    from perfkit.features.metrics import _facts

    monkeypatch.setattr(_facts, "MAX_KNOWN", 5)
    for number in range(50):
        measured.serve(facts={"conditional": f"odd {number}"})
    measured.flush()
    assert len(measured.metrics._recorder._facts._known) == 5
    assert len(measured.all(CONDITIONAL)) == 50
