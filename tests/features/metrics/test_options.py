"""What the section says, and what is wrong with it."""

import gc
import subprocess
import sys
import weakref
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Gauge

from perfkit import ConfigurationError, Metrics, Settings
from tests.features.metrics.measured import Measured


def problem(**options: object) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        Metrics(registry=CollectorRegistry(), **options)
    return caught.value


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"names": "long"}, "metrics.names"),
        ({"status": "none"}, "metrics.status"),
        ({"buckets": []}, "metrics.buckets"),
        ({"buckets": [1, 0.5]}, "metrics.buckets[1]"),
        ({"buckets": [1, 1]}, "metrics.buckets[1]"),
        ({"buckets": [0]}, "metrics.buckets[0]"),
        ({"buckets": [1, float("inf")]}, "metrics.buckets[1]"),
        ({"buckets": [float("nan")]}, "metrics.buckets[0]"),
        ({"max_series": 0}, "metrics.max_series"),
        ({"exclude": ["static"]}, "metrics.exclude[0]"),
        ({"streams": ["text"]}, "metrics.streams[0]"),
        ({"streams": ["text/event-stream; charset=utf-8"]}, "metrics.streams[0]"),
        ({"streams": ["Text/Event-Stream"]}, "metrics.streams[0]"),
        ({"path": "metrics"}, "metrics.path"),
        ({"path": ""}, "metrics.path"),
        ({"labels": {"a-b": str}}, "metrics.labels.a-b"),
        ({"labels": {"1a": str}}, "metrics.labels.1a"),
        ({"labels": {"__a": str}}, "metrics.labels.__a"),
        ({"labels": {"le": str}}, "metrics.labels.le"),
        ({"labels": {"job": str}}, "metrics.labels.job"),
        ({"labels": {"http_route": str}}, "metrics.labels.http_route"),
        ({"labels": {"error_type": str}}, "metrics.labels.error_type"),
        ({"labels": {"handler": str}, "names": "short"}, "metrics.labels.handler"),
        ({"labels": {"tenant": "acme"}}, "metrics.labels"),
        ({"exemplar": "trace"}, "metrics.exemplar"),
        ({"sizes": "yes"}, "metrics.sizes"),
        ({"bucket": [1]}, "metrics.bucket"),
    ],
    ids=str,
)
def test_mistake_is_named(options, setting):
    error = problem(**options)
    assert error.setting.startswith(setting)
    assert error.mend


def test_label_that_short_names_use_is_free_with_the_others():
    Metrics(registry=CollectorRegistry(), labels={"handler": lambda exchange: "a"})


def test_what_is_no_registry_is_named():
    with pytest.raises(ConfigurationError, match=r"metrics\.registry"):
        Metrics(registry="REGISTRY")


def test_section_in_the_settings():
    settings = Settings({"metrics": {"names": "short", "buckets": [0.1, 1], "exclude": ["/static/*"]}})
    options: Any = settings.sections["metrics"]
    assert (options.names, options.buckets, options.exclude) == ("short", (0.1, 1.0), ("/static/*",))


def test_buckets_are_those_of_durations():
    measured = Measured(buckets=[0.5, 2])
    measured.serve(received=1)
    measured.serve(headers=[("Content-Type", "text/event-stream")], body=None)
    bounds = {
        family.name: sorted({sample.labels["le"] for sample in family.samples if "le" in sample.labels})
        for family in measured.registry.collect()
    }
    assert bounds["http_server_request_duration_seconds"] == ["+Inf", "0.5", "2.0"]
    assert bounds["http_server_time_to_first_byte_seconds"] == ["+Inf", "0.5", "2.0"]
    assert len(bounds["http_server_stream_duration_seconds"]) > 3
    assert len(bounds["http_server_request_body_size_bytes"]) > 3


# Registries


def test_registry_is_by_default_the_global_one():
    Metrics()
    assert "http_server_requests_total" in REGISTRY._names_to_collectors


def test_stacks_with_one_registry_count_together():
    registry = CollectorRegistry()
    first, second = Measured(registry=registry), Measured(registry=registry)
    first.serve()
    second.serve()
    assert list(first.all("http_server_requests_total").values()) == [2]


def test_stacks_with_registries_of_their_own_count_apart():
    first, second = Measured(), Measured()
    first.serve()
    assert second.names() == set()


@pytest.mark.parametrize(
    "options",
    [
        {"names": "short"},
        {"status": "exact"},
        {"buckets": [1]},
        {"max_series": 5},
        {"labels": {"a": lambda exchange: ""}},
    ],
    ids=lambda options: next(iter(options)),
)
def test_stacks_with_one_registry_cannot_count_in_two_ways(options):
    measured = Measured()
    with pytest.raises(ConfigurationError) as caught:
        Metrics(registry=measured.registry, **options)
    assert caught.value.setting == f"metrics.{next(iter(options))}"
    assert "registry of its own" in caught.value.mend


def test_what_is_of_one_stack_may_differ():
    measured = Measured()
    Metrics(registry=measured.registry, exclude=["/a"], sizes=False, time_to_first_byte=False, path=None)


def test_name_that_is_taken_is_an_error():
    registry = CollectorRegistry()
    Gauge("http_server_active_requests", "Somebody's.", registry=registry)
    with pytest.raises(ConfigurationError) as caught:
        Metrics(registry=registry)
    assert caught.value.setting == "metrics.registry"
    assert "http_server_active_requests" in caught.value.problem
    Metrics(registry=registry, names="short")


def test_registry_can_go():
    measured = Measured()
    measured.serve()
    gone = weakref.ref(measured.registry)
    del measured
    gc.collect()
    assert gone() is None


# prometheus-client is an extra


def run(code: str) -> str:
    """What a program prints for which prometheus-client is not installed."""
    hide = "import sys; sys.modules['prometheus_client'] = None\n"
    done = subprocess.run([sys.executable, "-c", hide + code], check=True, capture_output=True, text=True, timeout=60)
    return done.stdout.strip()


def test_without_prometheus_client_metrics_are_off():
    code = "from perfkit import Settings; print([f.section for f in Settings.load({}, environ={}).features()])"
    assert "metrics" not in run(code)


def test_without_prometheus_client_metrics_that_are_named_are_an_error():
    code = """
from perfkit import ConfigurationError, Stack
try:
    Stack.from_settings({"metrics": True})
except ConfigurationError as error:
    print(error)
"""
    message = run(code)
    assert message.startswith("metrics: ")
    assert "pip install 'perfkit[metrics]'" in message


def test_prometheus_client_is_imported_only_with_metrics():
    code = "import sys; from perfkit.features.metrics import Metrics; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False"
