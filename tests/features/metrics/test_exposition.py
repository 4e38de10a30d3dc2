"""The answer to a scrape: who gets one, in which format, and that nothing makes it fail."""

import logging
import subprocess
from typing import cast

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, exposition
from prometheus_client.metrics_core import CounterMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics

from perfkit import ConfigurationError, Metrics, _workers
from perfkit.features.metrics._exposition import Exposition
from perfkit.features.metrics._exposition_formats import chosen
from tests.features.metrics.scrapes import (
    OPENMETRICS,
    PROMETHEUS,
    Collecting,
    families,
    gauge,
    header,
    registry,
    request,
    samples,
    scrape,
    text,
)
from tests.memory_exchange import serve
from tests.proofs.tools import program


@pytest.fixture
def shop():
    """A registry with one metric of each kind that is in use."""
    made = CollectorRegistry()
    orders = Counter("orders", "Orders.", ["kind"], registry=made)
    orders.labels("book").inc(3)
    orders.labels("map").inc()
    Gauge("stock", "On the shelf.", registry=made).set(7)
    Histogram("packing_seconds", "Packing.", buckets=[1, 10], registry=made).observe(4)
    return made


class TestWho:
    def test_others_get_what_the_application_answers(self, shop):
        assert Exposition(shop).reply(request(internal=False)) is None

    def test_others_learn_nothing_by_another_method_either(self, shop):
        assert Exposition(shop).reply(request(internal=False, method="POST")) is None

    @pytest.mark.parametrize("method", ["POST", "OPTIONS", "DELETE", "get"])
    def test_metrics_are_only_read(self, shop, method):
        reply = scrape(shop, method=method)
        assert (reply.status, header(reply, "allow")) == (405, "GET, HEAD")

    def test_a_head_has_the_headers_of_a_get(self, shop):
        assert scrape(shop, method="HEAD") == scrape(shop)

    def test_prometheus_refused_is_told_of_once(self, shop, caplog):
        exposition = Exposition(shop)
        for _ in range(2):
            exposition.reply(request(internal=False, X_Prometheus_Scrape_Timeout_Seconds="10"))
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "internal.token" in caplog.text

    def test_a_scanner_refused_is_not_worth_a_word(self, shop, caplog):
        Exposition(shop).reply(request(internal=False))
        assert not caplog.records


def newer(accept, content_type):
    """What prometheus-client can do since 0.23."""
    since = pytest.mark.skipif(not hasattr(exposition, "CONTENT_TYPE_PLAIN_1_0_0"), reason="prometheus-client is older")
    return pytest.param(accept, content_type, marks=since)


class TestFormat:
    @pytest.mark.parametrize(
        ("accept", "content_type"),
        [
            ("", "text/plain; version=0.0.4; charset=utf-8"),
            ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
            ("text/html,application/xhtml+xml,*/*;q=0.8", "text/plain; version=0.0.4; charset=utf-8"),
            ("application/json", "text/plain; version=0.0.4; charset=utf-8"),
            ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
            newer("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8; escaping=underscores"),
            ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            newer(
                "Application/OpenMetrics-Text; Version=1.0.0; Escaping=dots",
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots",
            ),
            (PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
            newer(PROMETHEUS, "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8"),
            # What stands first is not what is wanted most.
            ("text/plain;version=0.0.4;q=0.2, application/openmetrics-text;q=0.9", "application/openmetrics-text"),
            ("application/openmetrics-text;version=1.0.0;q=0.2, text/plain;version=0.0.4;q=0.9", "text/plain"),
            ("text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0", "text/plain; version=0.0.4"),
            # What is not wanted, and what cannot be had.
            ("application/openmetrics-text;q=0, text/plain;version=0.0.4;q=0.1", "text/plain; version=0.0.4"),
            ("application/openmetrics-text;q=high", "text/plain; version=0.0.4"),
            ("application/openmetrics-text;version=9.9.9, text/plain;version=0.0.4;q=0.5", "text/plain; version=0.0.4"),
            ("text/plain;version=7", "text/plain; version=0.0.4"),
        ],
    )
    def test_the_client_chooses(self, shop, accept, content_type):
        assert (header(scrape(shop, Accept=accept), "content-type") or "").startswith(content_type)

    def test_an_escaping_nobody_knows_is_not_passed_on(self):
        assert chosen("application/openmetrics-text;version=1.0.0;escaping=mine") == OPENMETRICS

    @pytest.mark.skipif(not hasattr(openmetrics, "CONTENT_TYPE_LATEST_2_0"), reason="prometheus-client has it not yet")
    def test_openmetrics_2_is_there_for_who_asks(self, shop):
        reply = scrape(shop, Accept="application/openmetrics-text;version=2.0.0")
        assert (header(reply, "content-type") or "").startswith("application/openmetrics-text; version=2.0.0")

    def test_openmetrics_2_is_not_promised_where_it_cannot_be_had(self, shop, monkeypatch):
        monkeypatch.delattr(openmetrics, "CONTENT_TYPE_LATEST_2_0", raising=False)
        reply = scrape(shop, Accept="application/openmetrics-text;version=2.0.0")
        assert (header(reply, "content-type") or "").startswith("text/plain")

    @pytest.mark.parametrize("parameter", ["version=1.0.0\r\nx: y", "version=1.0.0;escaping=a\r\nb", 'version="é"'])
    def test_nothing_of_the_request_gets_into_a_header(self, shop, parameter):
        reply = scrape(shop, Accept=f"application/openmetrics-text;{parameter}".replace("\r\n", "\t"))
        assert "\t" not in (header(reply, "content-type") or "")
        assert (header(reply, "content-type") or "").isascii()

    @pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS, PROMETHEUS])
    def test_both_parsers_read_it(self, shop, accept):
        read = samples(scrape(shop, Accept=accept))
        assert read["orders_total", (("kind", "book"),)] == 3
        assert read["stock", ()] == 7
        assert read["packing_seconds_bucket", (("le", "10.0"),)] == 1

    def test_openmetrics_ends_once(self, shop):
        body = text(scrape(shop, Accept=OPENMETRICS))
        assert body.endswith("# EOF\n")
        assert body.count("# EOF") == 1

    def test_no_cache_keeps_or_mixes_it(self, shop):
        reply = scrape(shop)
        assert (header(reply, "cache-control"), header(reply, "vary")) == ("no-store", "Accept, Accept-Encoding")

    def test_promtool_finds_nothing_to_say(self, shop):
        assert check(scrape(shop)) == (0, b"")

    @pytest.mark.parametrize("names", ["otel", "short"])
    def test_promtool_finds_nothing_to_say_of_perfkits_own(self, names):
        own = CollectorRegistry()
        feature = Metrics(registry=own, names=names)
        for status in (200, 404, 500):
            serve(feature, status=status)
        reply = scrape(own)
        assert b"duration_seconds_bucket" in reply.body
        assert check(reply) == (0, b"")


def check(reply):
    """What promtool says of it."""
    command = (program("promtool"), "check", "metrics")
    checked = subprocess.run(command, input=reply.body, capture_output=True, check=False)
    return checked.returncode, checked.stderr


class TestCompression:
    @pytest.mark.parametrize(
        ("accept_encoding", "compressed"),
        [
            ("gzip", True),  # Prometheus
            ("deflate, GZIP;q=0.5", True),
            ("x-gzip", True),
            ("*", True),
            ("", False),
            ("br", False),
            ("gzip;q=0", False),
            ("gzip;q=0, *", False),
            ("gzip;q=0.000", False),
            ("gzip;q=much", False),
        ],
    )
    def test_who_takes_gzip_gets_it(self, shop, accept_encoding, compressed):
        reply = scrape(shop, Accept_Encoding=accept_encoding)
        assert header(reply, "content-encoding") == ("gzip" if compressed else None)
        assert text(reply) == text(scrape(shop))


class TestNames:
    def test_only_what_is_asked_for(self, shop):
        assert set(families(scrape(shop, "/metrics?name[]=stock&name%5B%5D=orders_total"))) == {"stock", "orders"}

    def test_names_are_those_of_samples(self, shop):
        reply = scrape(shop, "/metrics?name[]=packing_seconds_count")
        assert samples(reply) == {("packing_seconds_count", ()): 1}

    def test_a_name_nobody_knows(self, shop):
        assert scrape(shop, "/metrics?name[]=nothing").body == b""

    def test_too_many_names(self, shop):
        assert scrape(shop, "/metrics?" + "name[]=a&" * 1001).status == 400

    def test_the_metrics_themselves_stay_whole(self):
        family = gauge(labels={"of": "wood"})
        family.add_sample("things_more", {}, 1)
        own = registry(Collecting(lambda: [family]))
        scrape(own, "/metrics?name[]=things_more")
        assert len(family.samples) == 2

    def test_collectors_that_do_not_say_what_they_have(self):
        own = registry(Collecting(lambda: [gauge("one"), gauge("two")]))
        assert set(families(scrape(own, "/metrics?name[]=two"))) == {"two"}


def failing():
    yield gauge("before")
    raise RuntimeError("no connection")


class TestFailures:
    def test_the_others_are_shown_when_a_collector_fails(self, caplog):
        exposition = Exposition(registry(Collecting(failing), Collecting(lambda: [gauge("after")])))
        for _ in range(2):
            assert set(families(scrape(exposition))) == {"before", "after"}
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert "no connection" in caplog.text

    @pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
    def test_the_others_are_shown_when_a_metric_cannot_be_written(self, accept, caplog):
        broken = Metric("broken", "No number.", "gauge")
        broken.add_sample("broken", {}, cast("float", "many"))
        exposition = Exposition(registry(Collecting(lambda: [gauge("before"), broken, gauge("after")])))
        for _ in range(2):
            assert set(families(scrape(exposition, Accept=accept))) == {"before", "after"}
        assert len(caplog.records) == 1
        assert "'broken'" in caplog.text

    @pytest.mark.parametrize("accept", ["text/plain", OPENMETRICS])
    def test_a_lone_surrogate_does_not_end_all_scrapes(self, accept):
        own = registry(Collecting(lambda: [gauge(labels={"who": "\ud800"}), gauge("others")]))
        read = families(scrape(own, Accept=accept))
        assert set(read) == {"things", "others"}
        assert len(read["things"].samples) == 1

    def test_two_lone_surrogates_are_still_two_series(self):
        family = gauge(labels={"who": "\ud800"})
        family.add_metric(["\udfff"], 2)
        assert len(samples(scrape(registry(Collecting(lambda: [family]))))) == 2

    def test_a_lone_surrogate_in_help_and_exemplar(self):
        family = CounterMetricFamily("calls", "Made \udc00 by others.", labels=["to"])
        family.add_metric(["you"], 2)
        family.samples[0] = family.samples[0]._replace(exemplar=exemplar("\udc00"))
        (sample,) = families(scrape(registry(Collecting(lambda: [family])), Accept=OPENMETRICS))["calls"].samples
        assert sample.exemplar is not None

    def test_a_label_that_is_no_text_is_shown_as_text(self):
        own = registry(Collecting(lambda: [gauge(labels={"port": 80})]))
        assert samples(scrape(own)) == {("things", (("port", "80"),)): 1}

    def test_the_log_does_not_fill_with_ever_new_metrics(self, caplog):
        def broken():
            for number in range(500):
                metric = Metric(f"broken_{number}", "No number.", "gauge")
                metric.add_sample(metric.name, {}, cast("float", "many"))
                yield metric

        scrape(registry(Collecting(broken)))
        assert len(caplog.records) == 100


def exemplar(trace):
    from prometheus_client.samples import Exemplar

    return Exemplar({"trace_id": trace}, 1.0)


class TestSources:
    def test_what_a_registry_says_of_its_target(self):
        own = CollectorRegistry(target_info={"version": "1.2"})
        assert samples(scrape(own)) == {("target_info", (("version", "1.2"),)): 1}

    def test_anything_that_collects(self):
        assert set(families(scrape(Exposition(Collecting(lambda: [gauge()]))))) == {"things"}

    def test_the_global_registry_by_default(self):
        assert "python_info" in families(scrape(Exposition()))

    def test_two_registries_are_apart(self, shop):
        other = registry(Collecting(lambda: [gauge()]))
        assert set(families(scrape(other))).isdisjoint(families(scrape(shop)))

    def test_the_package_is_missing(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
        with pytest.raises(
            ConfigurationError, match=r"metrics: .*not installed; run: pip install 'perfkit\[metrics\]'"
        ):
            Exposition()


class TestWorkers:
    @pytest.mark.parametrize(("count", "lines"), [(1, 0), (4, 1)])
    def test_workers_that_count_apart_are_told_of_once(self, shop, monkeypatch, caplog, count, lines):
        monkeypatch.setattr(_workers, "seen_now", lambda: count)
        exposition = Exposition(shop)
        scrape(exposition)
        scrape(exposition)
        assert len(caplog.records) == lines
        if lines:
            assert caplog.records[0].levelno == logging.WARNING
            assert "4 worker processes" in caplog.text
            assert "PROMETHEUS_MULTIPROC_DIR" in caplog.text

    def test_workers_that_count_together_are_not(self, tmp_path, monkeypatch, caplog):
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        monkeypatch.setattr(_workers, "seen_now", lambda: 4)
        scrape(Exposition())
        assert not caplog.records
