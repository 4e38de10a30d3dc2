"""What the section takes, and what it says of the rest."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from perfkit import ConfigurationError, Settings, Thresholds
from perfkit.features.thresholds import Rule, ThresholdsOptions
from perfkit.features.thresholds._quantities import duration_text, share, share_text


def rule(**values: Any) -> Rule:
    feature = Thresholds(rules=[{"name": "all", **values}])
    return feature.options.rules[0]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("300ms", 0.3), ("700 ms", 0.7), ("1.5s", 1.5), (" 2s ", 2), (2, 2), (0.25, 0.25), ("1m", 60), ("0.1ms", 0.0001)],
)
def test_durations(written: str | float, meant: float) -> None:
    assert rule(p95=written).duration("p95") == meant


@pytest.mark.parametrize(("written", "meant"), [("5m", 300), ("90s", 90), ("2min", 120), ("1h", 3600), (10, 10)])
def test_windows(written: str | float, meant: float) -> None:
    assert rule(p95=1, window=written).window_seconds() == meant
    assert rule(p95=1, cooldown=written).cooldown_seconds() == meant


@pytest.mark.parametrize(
    ("written", "meant"), [("5%", Fraction(1, 20)), ("0.1 %", Fraction(1, 1000)), (0.29, Fraction(29, 100)), (0, 0)]
)
def test_shares_are_exact(written: str | float, meant: Fraction) -> None:
    assert share("error_rate", written) == meant
    rule(error_rate=written)


def test_defaults() -> None:
    found = rule(p95="300ms")
    assert (found.window_seconds(), found.cooldown_seconds(), found.minimum) == (300, 300, 20)
    assert (found.severity, found.duration("p50"), found.error_rate) == ("warning", None, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"p95": "300"}, r"p95: '300' is not a duration; write for example '300ms', '1\.5s' or '5m'"),
        ({"p95": "fast"}, "p95: 'fast' is not a duration"),
        ({"p95": "300ms\n\x00"}, "p95: .* is not a duration"),
        ({"p50": 0}, r"p50: 0.0 is out of range; write one from 0\.1 ms to 16\.7 min"),
        ({"p99": float("nan")}, "p99: nan is out of range"),
        ({"slow": -1.5}, r"slow: -1\.5 is out of range"),
        ({"slow": "2h"}, "slow: '2h' is out of range"),
        ({"p95": True}, "p95: "),
        ({"error_rate": "100%"}, "error_rate: '100%' is not a share below 100 %; write for example '5%'"),
        ({"error_rate": "5"}, "error_rate: '5' is not a share"),
        ({"error_rate": 5}, r"error_rate: 5\.0 is not a share"),
        ({"error_rate": -0.1}, r"error_rate: -0\.1 is not a share"),
        ({"error_rate": float("nan")}, "error_rate: nan is not a share"),
        ({"p95": 1, "window": "9s"}, "window: '9s' is out of range; write one from 10 s to 24 h"),
        ({"p95": 1, "cooldown": "2 days"}, "cooldown: '2 days' is not a duration"),
        ({"p95": 1, "minimum": 0}, "minimum: "),
        ({"p95": 1, "severity": "page"}, "severity: 'page'"),
        ({}, "p95: the rule has no limit; write for example p95 = '300ms' or error_rate = '5%'"),
        ({"p95": 1, "name": "a b"}, "name: 'a b' is not a name; write letters, digits, '_', '.' and '-', as in 'api'"),
        ({"p95": 1, "name": "{{x}}"}, "name: '{{x}}' is not a name"),
        ({"p90": 1}, "p90: unknown option"),
        ({"p95": 1, "match": {"path": "api"}}, "match.path: 'api' is not a path; begin it with '/', as in '/api'"),
        ({"p95": 1, "match": {"path": []}}, "match.path: there is none; leave it out for all requests"),
        ({"p95": 1, "match": {"path": "/a", "route": "/b"}}, "match.route: there is path too; write one of the two"),
        ({"p95": 1, "match": {"methods": []}}, "match.methods: there is none; leave it out for all methods"),
        ({"p95": 1, "match": {"methods": ["G T"]}}, r"match.methods\[0\]: 'G T' is not a method"),
    ],
)
def test_what_cannot_be_meant(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"^thresholds\.rules\[0\]\.{message}"):
        rule(**values)


def test_names_are_there_once() -> None:
    with pytest.raises(ConfigurationError, match=r"^thresholds\.rules\[1\]\.name: 'a' is there 2 times; give each"):
        Thresholds(rules=[{"name": "a", "p50": 1}, {"name": "a", "p50": 2}])


def test_the_section_needs_rules() -> None:
    with pytest.raises(ConfigurationError, match=r"^thresholds\.rules: "):
        Settings({"thresholds": True})
    with pytest.raises(ConfigurationError, match=r"^thresholds\.rules: "):
        Thresholds(rules=[])


def test_streams_are_content_types() -> None:
    message = r"^thresholds\.streams\[1\]: 'Text/csv; x' is not a content type in lower case, without parameters; write"
    with pytest.raises(ConfigurationError, match=message):
        Thresholds(rules=[{"name": "a", "p50": 1}], streams=["text/csv", "Text/csv; x"])


async def wake_somebody(_: object) -> None:
    pass


@pytest.mark.parametrize("option", ["on_breach", "on_recovery"])
def test_hooks_are_plain_functions(option: str) -> None:
    rules = [{"name": "a", "p50": 1}]
    with pytest.raises(
        ConfigurationError, match=rf"^thresholds\.{option}: nobody would await a coroutine; write a plain"
    ):
        Thresholds(rules=rules, **{option: wake_somebody})
    with pytest.raises(ConfigurationError, match=rf"^thresholds\.{option}: 'os\.system'"):
        Thresholds(rules=rules, **{option: "os.system"})


def test_it_is_off_until_it_has_a_section() -> None:
    assert Settings().sections["thresholds"] is None


def test_a_file_and_the_environment_can_say_it() -> None:
    variables = {"PERFKIT_THRESHOLDS__RULES": '[{"name": "all", "error_rate": "5%"}]'}
    section = Settings.load({}, environ=variables).sections["thresholds"]
    assert isinstance(section, ThresholdsOptions)
    assert section.rules[0].error_rate == "5%"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0421, "42.1 ms"), (0.9, "900 ms"), (2.3149, "2.31 s"), (90, "90 s"), (300, "5 min"), (86_400, "24 h")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_shares_for_people() -> None:
    assert (share_text(0.05), share_text(0.0333333)) == ("5 %", "3.33 %")
