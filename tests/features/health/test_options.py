"""Settings: what can be written, and the errors that name the setting and the mend."""

from __future__ import annotations

from typing import Any

import pytest

from perfkit import ConfigurationError, Health, Settings
from perfkit.features.health._amounts import amount, told
from perfkit.health import CheckOptions, HealthOptions

DISK = {"kind": "disk", "path": "/srv"}


def load(mapping: Any = None, **environ: str) -> Any:
    """The options of the section."""
    return Settings.load({} if mapping is None else {"health": mapping}, environ=environ).sections["health"]


def problem(mapping: Any = None, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(mapping, **environ)
    return str(caught.value)


class TestSection:
    def test_is_off_without_one(self):
        assert load() is None
        assert load(True) == HealthOptions()
        assert load({}) == HealthOptions()
        assert load(PERFKIT_HEALTH="true") == HealthOptions()

    def test_has_checks_as_mappings_functions_and_names(self):
        def check() -> None: ...

        checks = load({"checks": {"disk": DISK, "mail": check, "queue": "shop.health:queue"}}).checks
        assert checks == {
            "disk": CheckOptions(kind="disk", path="/srv"),
            "mail": CheckOptions(call=check),
            "queue": CheckOptions(call="shop.health:queue"),
        }

    def test_takes_its_own_options_again(self):
        options = load({"checks": {"disk": DISK}, "drain": 5})
        assert load(options) == options
        assert Health(options).options is options
        assert load({"checks": {"disk": options.checks["disk"]}}).checks == options.checks

    def test_leaves_what_it_is_given_as_it_is(self):
        given: dict[str, Any] = {"checks": {"disk": dict(DISK)}}
        load(given)
        assert given == {"checks": {"disk": DISK}}

    def test_is_overridden_by_the_environment(self):
        options = load(
            {"checks": {"cache": {"kind": "redis", "url": "redis://localhost"}}},
            PERFKIT_HEALTH__CHECKS__CACHE__URL="redis://:secret@cache",
            PERFKIT_HEALTH__CHECKS__CACHE__REQUIRED="no",
            PERFKIT_HEALTH__CHECKS__MAIL="shop.health:mail",
            PERFKIT_HEALTH__CHECKS__DISK='{"kind": "disk", "path": "/srv"}',
            PERFKIT_HEALTH__LIVE="/livez, /up",
            PERFKIT_HEALTH__DRAIN="20",
        )
        assert options.checks["cache"] == CheckOptions(kind="redis", url="redis://:secret@cache", required=False)
        assert options.checks["mail"] == CheckOptions(call="shop.health:mail")
        assert options.checks["disk"] == CheckOptions(kind="disk", path="/srv")
        assert options.drain == 20
        assert {path for path, name in options.endpoints().items() if name == "live"} >= {"/livez", "/up"}
        assert "secret" not in repr(options)

    def test_shows_of_a_check_what_is_set(self):
        assert repr(CheckOptions(kind="disk", path="/srv")) == "CheckOptions(kind='disk', required=True, path='/srv')"

    def test_gives_its_timeout_and_pause_to_checks_without_their_own(self):
        checks = {"a": {**DISK, "timeout": 5, "every": 0}, "b": DISK}
        made = {check.name: check for check in Health(checks=checks, timeout=3, every=30)._all}
        assert [(made[name].timeout, made[name]._every) for name in "ab"] == [(5, 0), (3, 30)]


class TestMistakes:
    @pytest.mark.parametrize(
        ("mapping", "message"),
        [
            ({"tiemout": 1}, "tiemout: unknown option; did you mean 'timeout'?"),
            ({"timeout": 0}, "timeout: 0 is not allowed; write a number above 0 and of at most 60"),
            ({"timeout": "2s"}, "timeout: '2s' is a str, not a float; write a number above 0 and of at most 60"),
            ({"every": -1}, "every: -1 is not allowed; write a number of at least 0 and of at most 3600"),
            ({"drain": 601}, "drain: 601 is not allowed; write a number of at least 0 and of at most 600"),
            ({"details": "all"}, "details: 'all' is not 'always', 'internal' or 'never'; write 'always', "),
            ({"path": "health"}, "path: 'health' is not a path; begin it with '/', as in '/healthz'"),
            ({"path": ""}, "path: '' is not a path; "),
            ({"live": "/live*"}, "live: '/live*' is not a path; "),
            ({"ready": ["/a", "/b?c"]}, "ready: '/b?c' is not a path; "),
            ({"ready": "/health"}, "ready: '/health' is the path of 'health' too; choose another"),
            ({"live": "/z", "ready": "/z/"}, "ready: '/z/' is the path of 'live' too; choose another"),
            (
                {"checks": [DISK]},
                "checks: [{'kind': 'disk', 'path': '/srv'}] is a list, not a mapping; write a mapping",
            ),
            ({"checks": {"": DISK}}, "checks: a check has no name; give it one, as in 'database'"),
            ({"checks": {1: DISK}}, "checks: the key 1 is an int, not a str; "),
            ({"checks": {"a": 5}}, "checks.a: 5 is not a check; write a mapping, as in "),
            ({"checks": {"a b": None}}, "checks['a b']: None is not a check; "),
            ({"checks": {"a": "mail"}}, "checks.a: 'mail' is not a function; write a function, or where it is, as in "),
            ({"checks": {"a": {}}}, "checks.a.kind: nothing says what to check; write one of: database, disk, "),
            ({"checks": {"a": {"kind": "dsk"}}}, "checks.a.kind: 'dsk' is not 'database', 'disk', "),
            ({"checks": {"a": {"kind": "disk"}}}, "checks.a.path: is missing; write for example '/var/lib/shop'"),
            ({"checks": {"a": {"kind": "redis"}}}, "checks.a.url: is missing; "),
            ({"checks": {"a": {"kind": "tcp", "port": 1}}}, "checks.a.host: is missing; "),
            ({"checks": {"a": {"kind": "tcp", "host": "h"}}}, "checks.a.port: is missing; write for example 25"),
            ({"checks": {"a": {"kind": "tcp", "host": "h", "port": 0}}}, "checks.a.port: 0 is not allowed; "),
            (
                {"checks": {"a": {**DISK, "url": "x"}}},
                "checks.a.url: a check of kind 'disk' has no use for it; it takes ",
            ),
            ({"checks": {"a": {"call": len, "path": "/"}}}, "checks.a.path: a function has no use for it; remove it"),
            (
                {"checks": {"a": {**DISK, "call": len}}},
                "checks.a.call: there is the kind 'disk' too; write one of the two",
            ),
            ({"checks": {"a": {"call": 5}}}, "checks.a.call: 5 is not a function; "),
            ({"checks": {"a": {**DISK, "timeout": -1}}}, "checks.a.timeout: -1 is not allowed; "),
            ({"checks": {"a": {**DISK, "every": "x"}}}, "checks.a.every: 'x' is a str, not a float or None; "),
            ({"checks": {"a": {**DISK, "fre": 1}}}, "checks.a.fre: unknown option; did you mean 'free'?"),
            ({"checks": {"a": {**DISK, "free": "much"}}}, "checks.a.free: 'much' is not an amount; write bytes as "),
            ({"checks": {"a": {**DISK, "free": "0 MB"}}}, "checks.a.free: '0 MB' is not above 0; "),
            ({"checks": {"a": {**DISK, "free": "101%"}}}, "checks.a.free: '101%' is no share of a whole; "),
            (
                {"checks": {"a": {"kind": "database", "alias": "x", "url": "sqlite://"}}},
                "checks.a.url: there is alias too; write one of the two",
            ),
        ],
    )
    def test_name_the_setting_and_the_mend(self, mapping, message):
        assert problem(mapping).startswith(f"health.{message}")

    def test_show_no_url(self):
        message = problem({"checks": {"a": {"kind": "tcp", "url": "redis://:hunter2@h", "host": "h", "port": 1}}})
        assert "hunter2" not in message
        assert "hunter2" not in problem({"checks": {"a": {"kind": "redis", "url": ["hunter2"]}}})

    def test_name_the_variable(self):
        message = problem({}, PERFKIT_HEALTH__CHECKS__DB__TIMEOUT="-4")
        assert message.startswith(
            "health.checks.db.timeout: -4 is not allowed (set by PERFKIT_HEALTH__CHECKS__DB__TIMEO"
        )

    def test_in_what_only_the_start_can_find_are_told_by_settings_problems(self):
        mapping = {"health": {"checks": {"mail": "no_such_module:mail"}}}
        (found,) = Settings.problems(mapping, environ={})
        assert found.setting == "health.checks.mail.call"


class TestAmounts:
    @pytest.mark.parametrize(
        ("written", "size"),
        [
            (5, 5),
            ("5 B", 5),
            ("5kB", 5000),
            ("1.5 MB", 1_500_000),
            ("2GiB", 2 * 1024**3),
            ("1 tib", 1024**4),
            ("5%", 50),
            (" 0.1 % ", 1),
            ("100%", 1000),
        ],
    )
    def test_are_bytes_or_shares(self, written, size):
        assert amount("free", written).of(1000) == size

    @pytest.mark.parametrize(
        ("size", "text"),
        [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (5e9, "5.0 GB"), (7e16, "70000.0 TB")],
    )
    def test_are_told_as_one_reads_them(self, size, text):
        assert told(size) == text
