"""Whatever is served, in whatever order: the totals are those of an obviously right model."""

import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.features.metrics.measured import Measured
from tests.features.metrics.model import CANCELLED, RAISED, STOPPED, Model, Visit

routes = st.one_of(st.none(), st.sampled_from(["/", "/books/{id}", '/"a"', "/b\\c", "/d\ne"]))
# Binary fractions, so that sums are exact in any order.
seconds = st.integers(0, 200_000).map(lambda n: n / 1024)
visits = st.builds(
    Visit,
    method=st.sampled_from(["GET", "POST", "QUERY", "get", "FOO"]),
    route=routes,
    status=st.sampled_from([0, 99, 200, 204, 301, 404, 500, 503, 600]),
    seconds=seconds,
    error=st.sampled_from([None, None, None, CANCELLED, STOPPED, RAISED]),
    gone=st.booleans(),
    sent=st.integers(0, 10**7),
    received=st.sampled_from([0, 1, 12345]),
    stream=st.booleans(),
)


def read(measured: Measured) -> dict[tuple[str, ...], float]:
    """All values, by name and values of labels; the parsers of both formats read the same."""
    values: dict[tuple[str, ...], float] = {}
    for families in (
        parse_text(generate_latest(measured.registry).decode()),
        parse_openmetrics(generate_openmetrics(measured.registry).decode()),
    ):
        found = {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in families
            for sample in family.samples
        }
        assert values in ({}, found)
        values = found
    return values


@given(st.lists(visits, max_size=30))
def test_totals_are_those_of_the_model(served):
    measured, model = Measured(), Model()
    for visit in served:
        measured.serve(**visit.given())
        model.serve(visit)
    values = read(measured)
    totals = {key: value for key, value in values.items() if key[0].endswith(("_total", "_count"))}
    assert totals == dict(model.counts)
    assert {key: value for key, value in values.items() if key[0].endswith("_sum")} == model.sums
    assert not any(value for (name, *_), value in values.items() if "active" in name)


@given(st.lists(visits, max_size=30), st.integers(1, 8))
def test_cap_holds_and_loses_nothing(served, cap):
    measured, model = Measured(max_series=cap), Model()
    for visit in served:
        measured.serve(**visit.given())
        model.serve(visit)
    values = read(measured)
    for name in ("http_server_requests_total", "http_server_request_duration_seconds_count"):
        series = {key: value for key, value in values.items() if key[0] == name}
        own = {key: value for key, value in series.items() if "__overflow__" not in key}
        assert len(own) <= cap
        assert len(series) - len(own) <= 6
        assert sum(series.values()) == sum(n for key, n in model.counts.items() if key[0] == name)
        assert all(model.counts[key] == value for key, value in own.items())


@given(st.lists(st.floats(0, 20, allow_nan=False), max_size=50))
def test_buckets_are_those_of_the_model(durations):
    bounds = (0.005, 0.5, 1.0, 10.0)
    measured = Measured(buckets=bounds)
    for duration in durations:
        measured.serve(seconds=duration)
    buckets = measured.all("http_server_request_duration_seconds_bucket")
    found = {float(labels[-1]): value for labels, value in buckets.items()}
    expected = {bound: sum(duration <= bound for duration in durations) for bound in (*bounds, math.inf)}
    assert found == (expected if durations else {})
    (total,) = measured.all("http_server_request_duration_seconds_sum").values() or (0.0,)
    assert math.isclose(total, math.fsum(durations))


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=20), max_size=10))
def test_any_route_can_be_scraped(texts):
    measured = Measured()
    for text in texts:
        measured.serve(route=text)
    read(measured)
    assert sum(measured.all("http_server_requests_total").values()) == len(texts)
