"""Counting from many threads, and across a fork."""

import gc
import os
import threading

import pytest
from prometheus_client import generate_latest

from tests.features.metrics.measured import Measured

REQUESTS = "http_server_requests_total"


def together(count: int, work) -> None:
    """Do the work on so many threads at the same time."""
    errors, start = [], threading.Barrier(count)

    def run(number):
        start.wait()
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_eight_threads_count_exactly_while_others_scrape(measured):
    done = threading.Event()

    def visit(number):
        for turn in range(10_000):
            exchange = measured.begin()
            exchange.route = f"/{turn % 50}"
            exchange.received, exchange.sent = 1, 2
            exchange.facts["conditional"] = "made"
            exchange.status = 200
            measured.metrics.on_response(exchange)
            measured.metrics.on_end(exchange, None)

    def scrape():
        while not done.wait(0.01):
            generate_latest(measured.registry)

    scraping = threading.Thread(target=scrape)
    scraping.start()
    try:
        together(8, visit)
    finally:
        done.set()
        scraping.join()
    requests = measured.all(REQUESTS)
    assert set(requests.values()) == {1600}
    assert len(requests) == 50
    assert sum(measured.all("http_server_request_duration_seconds_count").values()) == 80_000
    assert sum(measured.all("http_server_time_to_first_byte_seconds_count").values()) == 80_000
    assert sum(measured.all("http_server_response_body_size_bytes_sum").values()) == 160_000
    assert measured.all("http_server_active_requests") == {("GET",): 0}
    assert measured.all("perfkit_conditional_responses_total") == {("made",): 80_000}


def test_cap_holds_with_many_threads():
    measured = Measured(max_series=20)

    def visit(number):
        for turn in range(300):
            exchange = measured.begin()
            exchange.route = f"/{number}/{turn}"
            measured.metrics.on_end(exchange, None)

    together(8, visit)
    assert len(measured.all(REQUESTS)) == 21
    assert sum(measured.all(REQUESTS).values()) == 2400


def test_registry_has_one_recorder_however_many_threads_ask(measured):
    recorders = []
    together(8, lambda _: recorders.append(Measured(registry=measured.registry).metrics._recorder))
    assert set(recorders) == {measured.metrics._recorder}


def test_exchange_that_ends_while_its_thread_counts_does_not_wait_for_itself(measured):
    """The garbage collector may run at any time, and end what nobody closed."""
    measured.metrics._batch = 1
    exchange = measured.begin()
    measured.respond(exchange)

    class Response:
        itself: object

        def __del__(self):
            measured.end(exchange)

    def count():
        with measured.metrics._recorder._lock:
            response = Response()
            response.itself = response
            del response
            gc.collect()

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert sum(measured.all(REQUESTS).values()) == 1


def test_exchange_that_ends_while_others_are_counted_is_counted_once(measured):
    exchange = measured.begin()
    measured.respond(exchange)

    class Fact:
        @property
        def coding(self):
            measured.metrics._batch = 1
            measured.end(exchange)

    measured.serve(facts={"compression": Fact()})
    for _ in range(5):
        measured.serve()
    measured.begin()
    assert sum(measured.all(REQUESTS).values()) == 7
    assert measured.all("http_server_active_requests") == {("GET",): 1}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Python 3.12 warns of a fork with threads, which is the point
def test_child_counts_though_another_thread_held_the_lock_when_it_was_forked(measured):
    measured.serve()
    lock = measured.metrics._recorder._lock
    held, release = threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            release.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(10)
    threading.Timer(0.1, release.set).start()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            counting = threading.Thread(target=measured.serve, daemon=True)
            counting.start()
            counting.join(10)
            status = 0 if sum(measured.all(REQUESTS).values()) == 2 else 2
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    thread.join()
    assert os.waitstatus_to_exitcode(status) == 0
    measured.serve()
    assert sum(measured.all(REQUESTS).values()) == 2
