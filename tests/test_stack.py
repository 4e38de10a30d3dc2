"""Order, compilation, early replies, waiting, and errors, without any host."""

import asyncio
import logging

import pytest

from perfkit import Exchange, Feature, Pending, Reply, Stack, Timing
from perfkit.client import ClientTrust


class Recorder(Feature):
    """Writes down which of its hooks ran; `answers` says what a hook returns."""

    def __init__(self, name, trace, position=1000, **answers):
        self.name = name
        self.trace = trace
        self.position = position  # type: ignore[misc]  # of this instance only
        self.answers = answers

    def _ran(self, hook):
        self.trace.append(f"{self.name} {hook}")
        answer = self.answers.get(hook)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def on_request(self, exchange):
        return self._ran("request")

    def on_view(self, exchange):
        return self._ran("view")

    def on_response(self, exchange):
        return self._ran("response")

    def on_end(self, exchange, error):
        return self._ran("end")


class Observer(Recorder):
    observer = True


def drive(stack, *, wait=Pending.run):
    """One exchange from beginning to end, as a host drives it; gives the early reply."""
    exchange = Exchange(ClientTrust())

    def finished(result):
        return wait(result) if isinstance(result, Pending) else result

    reply = finished(stack.request(exchange))
    finished(stack.respond(exchange))
    finished(stack.end(exchange, None))
    return reply


class Forwarded(Exchange):
    """A request that came through a proxy."""

    peer = "192.0.2.1"
    peer_scheme = "http"

    def request_header(self, name):
        return "198.51.100.7" if name.lower == "x-forwarded-for" else None


def enter(stack, exchange):
    pending = stack.request(exchange)
    return pending.run() if pending is not None else None


def on_a_loop(pending):
    return asyncio.run(pending.run_async())


def test_hooks_run_as_an_onion():
    trace: list[str] = []
    assert drive(Stack([Recorder("a", trace), Recorder("b", trace)])) is None
    assert trace == ["a request", "b request", "b response", "a response", "b end", "a end"]


def test_features_stand_by_position_and_equals_as_given():
    trace: list[str] = []
    places = {"inner": 900, "last": 1000, "outer": 100, "x": 1000}
    features = [Recorder(name, trace, position) for name, position in places.items()]
    stack = Stack(features)
    assert [getattr(feature, "name", "") for feature in stack.features] == ["outer", "inner", "last", "x"]


def test_a_hook_nobody_writes_is_not_called():
    class Silent(Feature):
        pass

    stack = Stack([Silent()])
    assert stack._requests == ()
    assert stack._unwind.on_response == ()
    assert stack._unwind.on_end == ()
    assert not stack.has_views


def test_an_early_reply_is_seen_by_the_features_outside_only():
    trace: list[str] = []
    reply = Reply(429)
    stack = Stack([Recorder("a", trace), Recorder("b", trace, request=reply), Recorder("c", trace)])
    assert drive(stack) is reply
    assert trace == ["a request", "b request", "a response", "b end", "a end"]


def test_a_reply_of_a_view_hook_counts_as_the_applications():
    trace: list[str] = []
    reply = Reply(403)
    stack = Stack([Recorder("a", trace, view=reply), Recorder("b", trace)])
    exchange = Exchange(ClientTrust())
    stack.request(exchange)
    assert stack.view(exchange) is reply
    stack.respond(exchange)
    stack.end(exchange, None)
    assert trace[2:] == ["a view", "b response", "a response", "b end", "a end"]


@pytest.mark.parametrize("wait", [Pending.run, on_a_loop])
def test_a_hook_that_waits_is_finished_before_the_next_runs(wait):
    trace: list[str] = []

    def later():
        trace.append("waited")

    stack = Stack(
        [
            Recorder("a", trace, request=Pending(later), response=Pending(later), end=Pending(later)),
            Recorder("b", trace, request=Pending(later), response=Pending(later), end=Pending(later)),
        ]
    )
    drive(stack, wait=wait)
    assert trace == [
        *("a request", "waited", "b request", "waited"),
        *("b response", "waited", "a response", "waited"),
        *("b end", "waited", "a end", "waited"),
    ]


@pytest.mark.parametrize("wait", [Pending.run, on_a_loop])
def test_a_reply_may_come_from_waiting(wait):
    trace: list[str] = []
    reply = Reply(429)
    stack = Stack([Recorder("a", trace), Recorder("b", trace, request=Pending(lambda: reply)), Recorder("c", trace)])
    assert drive(stack, wait=wait) is reply
    assert trace == ["a request", "b request", "a response", "b end", "a end"]


def test_the_end_comes_once():
    trace: list[str] = []
    stack = Stack([Recorder("a", trace)])
    exchange = Exchange(ClientTrust())
    stack.request(exchange)
    stack.end(exchange, None)
    stack.end(exchange, ValueError())
    assert trace == ["a request", "a end"]


@pytest.mark.parametrize("hook", ["request", "response", "end"])
@pytest.mark.parametrize("failure", [ValueError("no"), Pending(lambda: 1 / 0)])
def test_an_observer_that_fails_is_passed_over_and_logged_once(hook, failure, caplog):
    trace: list[str] = []
    stack = Stack([Observer("a", trace, **{hook: failure}), Recorder("b", trace)])
    drive(stack)
    assert drive(stack) is None
    assert trace == 2 * ["a request", "b request", "b response", "a response", "b end", "a end"]
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.ERROR
    assert f"Recorder.on_{hook} failed" in caplog.text
    assert "Traceback" in caplog.text


def test_each_kind_of_error_is_logged(caplog):
    trace: list[str] = []
    observer = Observer("a", trace, request=ValueError())
    stack = Stack([observer])
    drive(stack)
    observer.answers["request"] = KeyError()
    drive(stack)
    assert len(caplog.records) == 2


@pytest.mark.parametrize("failure", [ValueError("no"), Pending(lambda: int("no"))])
def test_a_check_that_fails_lets_nothing_pass(failure):
    trace: list[str] = []
    stack = Stack([Recorder("a", trace), Recorder("b", trace, request=failure), Recorder("c", trace)])
    exchange = Exchange(ClientTrust())
    with pytest.raises(ValueError, match="no"):
        enter(stack, exchange)
    stack.end(exchange, None)
    assert trace == ["a request", "b request", "b end", "a end"]


def test_an_error_at_the_end_never_escapes(caplog):
    trace: list[str] = []
    drive(Stack([Recorder("a", trace), Recorder("b", trace, end=ValueError())]))
    assert trace[-2:] == ["b end", "a end"]
    assert "on_end failed" in caplog.text


def test_a_response_hook_of_a_feature_that_does_more_than_observe_may_fail():
    with pytest.raises(ValueError, match="bad"):
        drive(Stack([Recorder("a", [], response=ValueError("bad"))]))


def test_websocket_features_make_a_stack_of_their_own():
    class Listening(Recorder):
        websocket = True

    listening, deaf = Listening("a", []), Recorder("b", [])
    assert Stack([deaf]).websocket is None
    both = Stack([listening, deaf])
    assert both.websocket is not None
    assert both.websocket.features == (listening,)
    assert both.websocket.trust is both.trust
    alone = Stack([listening])
    assert alone.websocket is alone


def test_a_stack_tells_whether_a_feature_encodes():
    class Encoding(Recorder):
        encodes = True

    assert Stack([Encoding("a", [])]).encodes
    assert not Stack([Recorder("a", [])]).encodes


def test_settings_make_the_stack():
    inner = ["security_headers", "compression", "conditional_get"]
    assert [feature.section for feature in Stack.from_settings({}).features] == ["metrics", "timing", *inner]
    assert [feature.section for feature in Stack.from_settings({"timing": False}).features] == ["metrics", *inner]


def test_features_given_replace_those_of_the_settings_but_not_the_shared_sections():
    recorder = Recorder("a", [])
    stack = Stack.from_settings({"client": {"trusted_proxies": ["192.0.2.1"]}}, [recorder])
    assert stack.features == (recorder,)
    assert Forwarded(stack.trust).client == "198.51.100.7"


def test_one_section_makes_a_stack_of_one_feature():
    stack = Stack.for_section("timing", {"cpu": True, "client": {"trusted_proxies": ["192.0.2.1"]}})
    assert [feature.section for feature in stack.features] == ["timing"]
    (timing,) = stack.features
    assert isinstance(timing, Timing)
    assert timing.options.cpu
