"""Samples are made one by one while a scrape is written: the garbage collector never has many to look through."""

import gc

from prometheus_client.samples import Sample

from tests.features.metrics.measured import Measured

DURATION = "http_server_request_duration_seconds"
REQUESTS = "http_server_requests"


def collected(measured: Measured, name: str):
    return next(family.samples for family in measured.registry.collect() if family.name == name)


def test_each_sample_is_gone_when_the_next_is_made():
    measured = Measured()
    for number in range(300):  # more than are copied at once
        measured.serve(route=f"/{number}")
    for name in (REQUESTS, DURATION):
        alive = 0
        for index, _ in enumerate(collected(measured, name)):
            if index in (100, 290):
                alive = max(alive, sum(type(each) is Sample for each in gc.get_objects()))
        assert 0 < alive <= 2


def test_samples_are_a_sequence():
    measured = Measured(buckets=(1.0, 2.0))
    measured.serve(seconds=1.5)
    samples = collected(measured, DURATION)
    assert len(samples) == 5
    assert [(sample.labels.get("le"), sample.value) for sample in samples] == [
        ("1.0", 0),
        ("2.0", 1),
        ("+Inf", 1),
        (None, 1),
        (None, 1.5),
    ]
    assert samples[-1].name == f"{DURATION}_sum"
    assert [sample.value for sample in samples[:2]] == [0, 1]


def test_samples_tell_what_is_counted_when_they_are_read():
    measured = Measured()
    measured.serve()
    samples = collected(measured, REQUESTS)
    assert samples[0].value == 1
    measured.serve()
    assert measured.names()  # which counts what waits
    assert samples[0].value == 2
