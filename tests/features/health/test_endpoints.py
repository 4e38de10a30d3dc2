"""Which requests are answered, with which status, and who sees what."""

from __future__ import annotations

import pytest

from perfkit import Health, Pending, Position, Reply, Settings
from perfkit.exchange import HeaderName
from perfkit.health import Result, begin_shutdown, is_shutting_down
from tests.features.health.asking import ask, begin, body, detail, health
from tests.memory_exchange import MemoryExchange

ALLOW = HeaderName("Allow")
CONTENT_TYPE = HeaderName("Content-Type")
CACHE_CONTROL = HeaderName("Cache-Control")


class TestEndpoints:
    def test_are_three_and_pass_without_any_check(self):
        for target in ("/health", "/health/live", "/health/ready"):
            reply = begin(health(), target)
            assert isinstance(reply, Reply), "nothing to wait for"
            assert (reply.status, body(reply)) == (200, {"status": "pass"})

    @pytest.mark.parametrize("target", ["/", "/healthy", "/health/other", "/health/live/x", "/x/health", "/Health"])
    def test_leave_other_paths_to_the_application(self, target):
        assert begin(health(), target) is None

    def test_are_found_with_a_slash_at_the_end_and_a_query(self):
        for target in ("/health/", "/health/ready/", "/health/live?x=1"):
            assert begin(health(), target) is not None

    def test_stand_below_another_path_and_have_other_names(self):
        feature = health(path="/status/", live=["/livez", "/up"], ready="/readyz,/startupz")
        for target in ("/status", "/status/live", "/status/ready", "/livez", "/up", "/readyz", "/startupz"):
            assert begin(feature, target) is not None, target
        for target in ("/health", "/health/live", "/livez,/up"):
            assert begin(feature, target) is None, target

    def test_have_the_names_of_what_they_are(self):
        feature = health({"it": lambda: False}, live="/livez", ready="/readyz")
        assert [ask(feature, target).status for target in ("/livez", "/readyz")] == [200, 503]

    def test_may_have_the_root(self):
        assert begin(health(path="/"), "/") is not None
        assert begin(health(path="/"), "/ready") is not None

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"])
    def test_answer_405_to_other_methods(self, method):
        calls: list[int] = []
        feature = health({"it": lambda: calls.append(1)})
        for target in ("/health", "/health/live", "/health/ready"):
            reply = begin(feature, target, method=method)
            assert isinstance(reply, Reply)
            assert (reply.status, reply.headers[ALLOW]) == (405, "GET, HEAD")
        assert calls == []

    def test_answer_head(self):
        assert ask(health({"it": lambda: False}), method="HEAD").status == 503

    def test_are_json_that_nobody_keeps(self):
        for target in ("/health", "/health/live", "/health/ready"):
            for check in (lambda: True, lambda: False):
                headers = ask(health({"it": check}), target).headers
                assert headers[CONTENT_TYPE] == "application/json"
                assert headers[CACHE_CONTROL] == "no-store"
        not_allowed = begin(health(), method="POST")
        assert isinstance(not_allowed, Reply)
        assert not_allowed.headers[CACHE_CONTROL] == "no-store"


class TestLive:
    def test_runs_no_check(self):
        calls: list[int] = []
        feature = health({"it": lambda: calls.append(1)})
        assert isinstance(begin(feature, "/health/live"), Reply)
        assert calls == []

    def test_passes_while_all_else_fails(self):
        begin_shutdown()
        assert ask(health({"it": lambda: False}), "/health/live").status == 200


class TestReady:
    def test_runs_the_required_checks_only(self):
        calls: list[str] = []
        feature = health(
            {
                "needed": lambda: calls.append("needed"),
                "nice": {"call": lambda: calls.append("nice"), "required": False},
            }
        )
        assert body(ask(feature, "/health/ready", internal=True))["checks"].keys() == {"needed"}
        assert calls == ["needed"]

    def test_is_503_if_one_of_them_fails(self):
        feature = health({"good": lambda: True, "bad": lambda: False})
        reply = ask(feature, "/health/ready")
        assert (reply.status, body(reply)) == (503, {"status": "fail"})

    def test_is_200_if_another_fails(self):
        assert ask(health({"it": {"call": lambda: False, "required": False}}), "/health/ready").status == 200

    def test_is_200_where_a_required_one_warns(self):
        reply = ask(health({"it": lambda: Result("warn")}), "/health/ready")
        assert (reply.status, body(reply)) == (200, {"status": "warn"})

    def test_is_503_from_the_beginning_of_the_shutdown(self):
        feature = health({"it": lambda: True})
        assert ask(feature, "/health/ready").status == 200
        assert not is_shutting_down()
        begin_shutdown()
        assert is_shutting_down()
        reply = ask(feature, "/health/ready")
        assert (reply.status, body(reply)) == (503, {"status": "fail"})

    def test_tells_those_who_see_details_of_the_shutdown(self):
        begin_shutdown()
        reply = ask(health(), "/health/ready", internal=True)
        assert body(reply) == {"status": "fail", "output": "shutting down"}

    def test_runs_no_check_in_the_shutdown(self):
        calls: list[int] = []
        begin_shutdown()
        ask(health({"it": lambda: calls.append(1)}), "/health/ready")
        assert calls == []

    def test_is_503_where_the_shutdown_begins_while_checks_run(self):
        assert ask(health({"it": begin_shutdown}), "/health/ready").status == 503


class TestHealth:
    def test_runs_all_checks_and_warns_if_one_fails_that_is_not_required(self):
        feature = health({"needed": lambda: True, "nice": {"call": lambda: False, "required": False}})
        reply = ask(feature, internal=True)
        assert reply.status == 200
        assert body(reply)["status"] == "warn"
        assert [detail(reply, name)["status"] for name in ("needed", "nice")] == ["pass", "fail"]
        assert [detail(reply, name)["required"] for name in ("needed", "nice")] == [True, False]

    def test_is_503_if_a_required_one_fails(self):
        feature = health({"nice": {"call": lambda: False, "required": False}, "needed": lambda: False})
        assert ask(feature).status == 503

    def test_stays_by_its_checks_in_the_shutdown(self):
        begin_shutdown()
        assert ask(health({"it": lambda: True})).status == 200


class TestDetails:
    def test_are_for_those_who_may_see_internals(self):
        feature = health({"it": lambda: "the disk is full"})
        assert body(ask(feature)) == {"status": "fail"}
        seen = detail(ask(feature, internal=True))
        assert seen.keys() == {"status", "required", "duration_ms", "age_ms", "output"}
        assert (seen["status"], seen["output"]) == ("fail", "the disk is full")
        assert seen["duration_ms"] >= 0
        assert seen["age_ms"] >= 0

    def test_may_be_for_everybody_or_for_nobody(self):
        assert "checks" in body(ask(health({"it": lambda: True}, details="always")))
        assert "checks" not in body(ask(health({"it": lambda: True}, details="never"), internal=True))
        begin_shutdown()
        assert "output" not in body(ask(health(details="never"), "/health/ready", internal=True))

    def test_have_no_output_where_there_is_nothing_to_say(self):
        assert "output" not in detail(ask(health({"it": lambda: True}), internal=True))


class TestFeature:
    def test_is_outermost_and_off_by_default(self):
        assert Health.position == Position.HEALTH
        assert Health not in map(type, Settings().features())
        assert type(Settings({"health": True}).features()[0]) is Health

    def test_waits_only_for_checks(self):
        feature = health({"it": lambda: True}, every=60)
        assert isinstance(begin(feature), Pending)
        ask(feature)
        assert isinstance(begin(feature), Reply)

    def test_does_nothing_else_to_a_request(self):
        exchange = MemoryExchange(target="/books")
        health().on_request(exchange)
        assert (exchange.state, exchange.facts) == ({}, {})

    def test_tells_figures_of_checks_that_have_been_run(self):
        feature = health({"good": lambda: Result("warn"), "bad": lambda: False})
        assert list(feature.figures()) == []
        ask(feature)
        told = {(figure.name, figure.labels["check"]): figure.value for figure in feature.figures()}
        assert told["perfkit_health_check_passing", "good"] == 1
        assert told["perfkit_health_check_passing", "bad"] == 0
        assert told["perfkit_health_check_duration_seconds", "bad"] >= 0
        assert len(told) == 4
