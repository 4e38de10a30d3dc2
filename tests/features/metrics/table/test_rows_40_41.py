"""Rows 40 and 41 of the table: what prometheus-client cannot do, and functions of the application that fail."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.samples import BucketSpan, NativeHistogram

from perfkit import ConfigurationError, Metrics
from perfkit.asgi import PerfkitMiddleware
from tests.doors import Door
from tests.features.metrics.scrapes import Collecting
from tests.features.metrics.table.site import (
    ACTIVE,
    DURATION,
    HELLO,
    REQUESTS,
    Site,
)

OPENMETRICS_2 = ("Accept", "application/openmetrics-text; version=2.0.0")

# Row 40: native histograms. prometheus-client makes none; those that were made elsewhere it shows in OpenMetrics 2.0.


@pytest.mark.parametrize("option", ["native", "native_histograms", "native_histogram", "histogram", "histograms"])
def test_40_no_option_for_what_there_is_not_is_accepted_silently(option: str) -> None:
    with pytest.raises(ConfigurationError, match=f"metrics.{option}"):
        Metrics(**{option: True}, registry=CollectorRegistry())
    with pytest.raises(ConfigurationError, match=f"metrics.{option}"):
        PerfkitMiddleware(HELLO, {"metrics": {option: True}})  # type: ignore[arg-type]


def native() -> Metric:
    metric = Metric("made_elsewhere", "Made elsewhere.", "histogram")
    value = NativeHistogram(
        count_value=4,
        sum_value=6,
        schema=3,
        zero_threshold=2.938735877055719e-39,
        zero_count=1,
        pos_spans=[BucketSpan(0, 2)],
        pos_deltas=[2, -1],
    )
    metric.add_sample("made_elsewhere", {}, 0, native_histogram=value)
    return metric


def test_40_those_of_others_are_shown_to_who_can_read_them(door: Door) -> None:
    site = Site(door)
    site.registry.register(Collecting(lambda: [native()]))
    site.get()
    response = site.get("/metrics", OPENMETRICS_2)
    assert (response.header("Content-Type") or "").startswith("application/openmetrics-text; version=2.0.0")
    families = {family.name: family for family in read_openmetrics(response.body.decode())}
    (sample,) = families["made_elsewhere"].samples
    assert sample.native_histogram is not None
    assert sample.native_histogram.count_value == 4
    assert REQUESTS.removesuffix("_total") in families
    assert site.get("/metrics").status == 200  # and in no other format does it break what else there is


# Row 41: functions of the application that fail


def fails(exchange: Any) -> str:
    raise LookupError("of the application")


class Unprintable:
    def __str__(self) -> str:
        raise LookupError("no text")


@pytest.mark.parametrize(
    ("function", "shown"),
    [
        (fails, ""),
        (lambda exchange: Unprintable(), ""),
        (lambda exchange: None, ""),
        (lambda exchange: 7, "7"),
        (lambda exchange: "x" * 100_000, "x" * 256),
        (lambda exchange: "\ud800", "?"),
        (lambda exchange: b"\xff", "b'\\xff'"),
        (lambda exchange, one, more: "x", ""),
    ],
    ids=["raises", "unprintable", "None", "number", "long", "surrogate", "bytes", "arguments"],
)
def test_41_labels_that_fail_harm_nothing(door: Door, function: Any, shown: str) -> None:
    site = Site(door, labels={"own": function})
    for _ in range(2):
        assert site.get().body == HELLO.body
    scrape = site.settled()
    assert [(dict(labels)["own"], value) for (name, labels), value in scrape.all.items() if name == REQUESTS] == [
        (shown, 2)
    ]
    assert scrape[ACTIVE] == {("GET",): 0}


@pytest.mark.parametrize(
    "function",
    [
        fails,
        lambda exchange: Unprintable(),
        lambda exchange: "x" * 1000,
        lambda exchange: "\udcff" * 200,
        lambda *_: {},
    ],
    ids=["raises", "unprintable", "long", "surrogates", "mapping"],
)
def test_41_exemplars_that_fail_harm_nothing(door: Door, function: Any) -> None:
    site = Site(door, exemplar=function)
    for _ in range(2):
        assert site.get().body == HELLO.body
    scrape = site.settled()
    assert scrape[REQUESTS] == {site.label(): 2}
    assert scrape[f"{DURATION}_count"] == {("GET", "2xx", site.route): 2}
    for family in scrape.families:
        for sample in family.samples:
            if sample.exemplar:
                assert sum(len(text) for pair in sample.exemplar.labels.items() for text in pair) <= 128


def test_41_each_is_logged_once(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(door, labels={"one": fails, "two": fails}, exemplar=fails)
    for _ in range(5):
        site.get()
    said = [record.getMessage() for record in caplog.records if "metrics." in record.getMessage()]
    assert len(said) == len(set(said)) == 3
