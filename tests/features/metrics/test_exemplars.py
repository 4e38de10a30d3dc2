"""Exemplars lead from a bucket to a trace."""

import pytest
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from perfkit.features.metrics import _own
from tests.features.metrics.measured import AppError, Measured

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def exemplars(measured: Measured) -> dict[str, tuple[dict[str, str], float]]:
    """By the bound of their bucket, as a reader of OpenMetrics finds them."""
    families = text_string_to_metric_families(generate_latest(measured.registry).decode())
    return {
        sample.labels["le"]: (sample.exemplar.labels, sample.exemplar.value)
        for family in families
        for sample in family.samples
        if sample.exemplar
    }


def test_exemplar_is_on_the_bucket_of_its_request():
    measured = Measured(exemplar=lambda exchange: TRACE)
    measured.serve(seconds=0.3)
    assert exemplars(measured) == {"0.5": ({"trace_id": TRACE}, 0.3)}


def test_last_exemplar_of_a_bucket_stays():
    traces = iter(["a", "b", "c"])
    measured = Measured(exemplar=lambda exchange: next(traces))
    for seconds in (0.3, 0.4, 99.0):
        measured.serve(seconds=seconds)
    assert exemplars(measured) == {"0.5": ({"trace_id": "b"}, 0.4), "+Inf": ({"trace_id": "c"}, 99.0)}


@pytest.mark.parametrize("nothing", [None, ""])
def test_request_without_a_trace_has_none(nothing):
    measured = Measured(exemplar=lambda exchange: nothing)
    measured.serve()
    assert exemplars(measured) == {}


def test_function_that_fails_changes_nothing_and_is_logged_once(caplog):
    def trace(exchange):
        raise AppError("no trace")

    measured = Measured(exemplar=trace)
    measured.serve()
    measured.serve()
    assert exemplars(measured) == {}
    assert list(measured.all("http_server_requests_total").values()) == [2]
    (record,) = caplog.records
    assert "metrics.exemplar" in record.getMessage()


@pytest.mark.parametrize(
    ("given", "shown"), [("a" * 1000, "a" * 120), ("\udcff", "?"), (7, "7"), ("ü" * 121, "ü" * 120)]
)
def test_exemplar_is_made_legal(given, shown):
    measured = Measured(exemplar=lambda exchange: given)
    measured.serve()
    ((labels, _),) = exemplars(measured).values()
    assert labels == {"trace_id": shown}


def test_exemplar_has_the_time_of_its_request(monkeypatch):
    """Though it may be counted later."""
    monkeypatch.setattr(_own, "time", lambda: 1234.5)
    measured = Measured(exemplar=lambda exchange: TRACE)
    measured.serve()
    monkeypatch.setattr(_own, "time", lambda: 9999.0)
    families = text_string_to_metric_families(generate_latest(measured.registry).decode())
    told = [sample.exemplar.timestamp for family in families for sample in family.samples if sample.exemplar]
    assert [float(timestamp) for timestamp in told] == [1234.5]


def test_stream_has_none():
    measured = Measured(exemplar=lambda exchange: TRACE)
    measured.serve(headers=[("Content-Type", "text/event-stream")], body=None)
    assert exemplars(measured) == {}
