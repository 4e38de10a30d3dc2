"""The settings of the section: which requests a rule is for, and every mistake at start-up."""

from __future__ import annotations

from typing import Any

import pytest

from perfkit import ConfigurationError, RateLimit, Settings
from perfkit._workers import workers
from perfkit.features.rate_limit._doubts import doubts
from perfkit.features.rate_limit._options import RateLimitOptions
from tests.features.rate_limit.visits import limited, rule, statuses, visit


def counts(match: dict[str, Any], path: str = "/", **given: Any) -> bool:
    """Whether a rule is for such a request."""
    return visit(limited(rule(match=match)), path, **given).outcome.result != "exempt"


def problem(*rules: dict[str, Any], **options: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings({"rate_limit": {"rules": list(rules), **options}}).features()
    return str(caught.value)


class TestMatch:
    @pytest.mark.parametrize(
        ("pattern", "fits", "does_not"),
        [
            ("/login", ["/login", "/login/", "//login", "/%6Cogin"], ["/", "/log", "/login/x", "/x/login", "/LOGIN"]),
            ("/login/", ["/login", "/login/"], ["/login/x"]),
            ("/", ["/"], ["/x"]),
            ("/api/*", ["/api/", "/api/x", "/api/x/y", "//api///x"], ["/api", "/apis"]),
            ("/api/**", ["/api/x/y"], ["/api"]),
            ("*.json", ["/x.json", "/a/b.json"], ["/x.jsonp"]),
            ("/**", ["/", "/x", "/x/y"], []),
            (["/a", "/b/*"], ["/a", "/b/c"], ["/b", "/c"]),
        ],
    )
    def test_path(self, pattern, fits, does_not):
        assert [path for path in fits if not counts({"path": pattern}, path)] == []
        assert [path for path in does_not if counts({"path": pattern}, path)] == []

    @pytest.mark.parametrize("prefix", ["/api", "/api/"])
    def test_prefix(self, prefix):
        assert all(counts({"prefix": prefix}, path) for path in ("/api", "/api/", "/api/x/y"))
        assert not any(counts({"prefix": prefix}, path) for path in ("/apiary", "/", "/x/api"))

    def test_prefix_of_everything(self):
        assert all(counts({"prefix": "/"}, path) for path in ("/", "/x"))

    def test_regex_is_for_the_whole_path(self):
        assert counts({"regex": r"/books/[0-9]+"}, "/books/12")
        assert not counts({"regex": r"/books/[0-9]+"}, "/books/12/edit")

    def test_methods(self):
        assert counts({"methods": ["POST"]}, method="POST")
        assert counts({"methods": ["post"]}, method="POST")
        assert not counts({"methods": ["POST"]}, method="GET")

    def test_method_in_small_letters_is_the_one_that_frameworks_make_of_it(self):
        assert counts({"methods": ["POST"]}, method="post")

    def test_get_stands_for_head(self):
        assert counts({"methods": ["GET"]}, method="HEAD")
        assert not counts({"methods": ["POST"]}, method="HEAD")

    def test_type(self):
        assert counts({"type": "websocket"}, websocket=True)
        assert not counts({"type": "websocket"})
        assert not counts({"type": "http"}, websocket=True)

    def test_all_that_is_given_has_to_fit(self):
        match = {"path": "/login", "methods": ["POST"]}
        assert counts(match, "/login", method="POST")
        assert not counts(match, "/login")
        assert not counts(match, "/", method="POST")


class TestCountWhen:
    @pytest.mark.parametrize(
        ("when", "fits", "does_not"),
        [
            ("status>=400", [400, 599], [200, 399]),
            ("status < 400", [200, 399], [400]),
            (">499", [500], [499]),
            ("status<=204", [204], [205]),
            ("status==401", [401], [400, 402]),
            ("!=200", [201, 404], [200]),
            ("401, 403", [401, 403], [402]),
            ("4xx, 500-503", [400, 499, 503], [504, 200]),
            ([401, 403], [401, 403], [402]),
            (range(400, 500), [400, 499], [500]),
        ],
    )
    def test_says_which_statuses(self, when, fits, does_not):
        def left(status: int) -> int:
            feature = limited(rule("5/minute", count_when=when))
            visit(feature, status=status)
            return statuses(feature, 6, status=fits[0]).count(429)

        assert [status for status in fits if left(status) != 2] == []
        assert [status for status in does_not if left(status) != 1] == []

    @pytest.mark.parametrize("match", [{}, {"prefix": "/"}, {"methods": ["GET"]}])
    def test_gives_back_all_that_the_request_took(self, match):
        feature = limited(rule("5/minute", count_when="status>=400", cost=3, match=match))
        assert statuses(feature, 3, status=200) == [200, 200, 200]
        assert statuses(feature, 2, status=404) == [404, 429]


class TestMistakes:
    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"limits": "10/fortnight"}, "rate_limit.rules[0].limits: '10/fortnight' is not a rate"),
            ({"limits": 10}, "rate_limit.rules[0].limits: 10 is not a rate; write for example '10/minute'"),
            ({"limits": ""}, "rate_limit.rules[0].limits: '' is not a rate"),
            ({"limits": "0/minute"}, "allows nothing at all"),
            ({"limit": "10/minute"}, "rate_limit.rules[0].limit: unknown option; did you mean 'limits'?"),
            ({"key": "ipp"}, "rate_limit.rules[0].key: 'ipp' is not a key; did you mean 'ip'?"),
            ({"key": ["ip", "usr"]}, "rate_limit.rules[0].key[1]: 'usr' is not a key; did you mean 'user'?"),
            ({"key": []}, "rate_limit.rules[0].key: there is none"),
            ({"key": ["ip", "ip"]}, "'ip' is there twice"),
            ({"key": ["global", "ip"]}, "'global' counts all together"),
            ({"key": "header:"}, "'' is not the name of a header"),
            ({"key": "header:X Y"}, "'X Y' is not the name of a header"),
            ({"key": 3}, "3 is not a key"),
            ({"algorithm": "fixed"}, "'fixed' is not 'gcra' or 'sliding'"),
            ({"burst": 5}, "rate_limit.rules[0].burst: sliding has no burst"),
            (
                {"limits": "2 concurrent", "algorithm": "gcra"},
                "rules[0].algorithm: requests in flight are only counted",
            ),
            ({"limits": "2 concurrent", "algorithm": "gcra", "burst": 1}, "rules[0].burst: requests in flight"),
            ({"limits": "2 concurrent", "count_when": "5xx"}, "rules[0].count_when: a request in flight has no"),
            ({"cost": -1}, "rate_limit.rules[0].cost: -1 is not a cost"),
            ({"cost": True}, "True is not a cost"),
            ({"cost": 1.5}, "1.5 is not a cost"),
            ({"cost": 11}, "11 is more than 10, the most ever allowed at once"),
            ({"cost": 5, "algorithm": "gcra", "burst": 4}, "5 is more than 4, the most ever allowed at once"),
            ({"unit": ""}, "rate_limit.rules[0].unit: '' is not printable ASCII"),
            ({"name": "naïve"}, "rate_limit.rules[0].name: 'naïve' is not printable ASCII"),
            ({"count_when": "sometimes"}, "rules[0].count_when: 'sometimes' says nothing of statuses"),
            ({"count_when": [4000]}, "is not a list of statuses"),
            ({"count_when": "status<100"}, "fits no status at all"),
            ({"count_when": "!=200, 700"}, "'700' says nothing of statuses"),
            ({"count_when": 404}, "404 says nothing of statuses"),
            ({"count_when": []}, "fits no status at all"),
            ({"ban": {"after": 3}}, "rate_limit.rules[0].ban.for: is missing"),
            ({"ban": {"after": 3, "for": 0}}, "0 is not allowed"),
            ({"ban": {"after": 3, "fro": 1}}, "unknown option; did you mean 'for'?"),
            ({"on_error": "local-ish"}, "did you mean 'local'?"),
            ({"match": {"path": "login"}}, "rate_limit.rules[0].match.path: 'login' is not a path; begin it with '/'"),
            ({"match": {"path": "/a", "prefix": "/b"}}, "match.prefix: there is path too; write one of the two"),
            ({"match": {"regex": "("}}, "match.regex: '(' is no regular expression"),
            ({"match": {"methods": ["PO ST"]}}, "match.methods[0]: 'PO ST' is not a method"),
            ({"match": {"methods": []}}, "match.methods: there is none; leave it out for all methods"),
            ({"match": {"route": "/x", "type": "websocket"}}, "match.route: the route of a WebSocket is not known"),
            ({"match": {"typ": "http"}}, "unknown option; did you mean 'type'?"),
            ({"exempt": [{}]}, "rules[0].exempt[0].path: nothing says what does not count"),
            ({"exempt": [{"client": "10.0.0.1/8"}]}, "'10.0.0.1/8' is no address and no network; write '10.0.0.0/8'"),
            ({"exempt": [{"client": "home"}]}, "'home' is no address and no network"),
            ({"exempt": [{"route": "/x"}]}, "exempt[0].route: what does not count is found before"),
            ({"exempt": [{"when": "always"}]}, "exempt[0].when: 'always' is not a function"),
        ],
    )
    def test_of_a_rule(self, given, said):
        assert said in problem({"name": "rule", "limits": "10/minute", **given})

    def test_name_is_missing(self):
        assert "rate_limit.rules[0].name: is missing" in problem({"limits": "10/minute"})

    def test_two_rules_of_one_name(self):
        assert problem(rule(), rule()).startswith("rate_limit.rules[1].name: 'rule' is there 2 times; give each")

    def test_two_policies_of_one_name(self):
        said = problem(rule("1/second, 2/minute", "a"), rule("1/minute", "a-60s"))
        assert "the policy 'a-60s' of this rule is there already" in said

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"rulez": []}, "did you mean 'rules'?"),
            ({"headers": "sometimes"}, "'sometimes' is not 'always', 'low', 'never' or 'refused'"),
            ({"status": 200}, "200 is not allowed"),
            ({"body": "text"}, "rate_limit.body: 'text' is not known; write 'auto', 'problem' or a function"),
            ({"store": "redis"}, "rate_limit.store: this is not a URI"),
            ({"ipv6_prefix": 129}, "rate_limit.ipv6_prefix: 129 is not the length of a prefix; write 1 to 128"),
            ({"store_timeout": 0}, "rate_limit.store_timeout: 0 is not allowed"),
            ({"secret": "short"}, "rate_limit.secret: the value, not shown here,"),
        ],
    )
    def test_of_the_section(self, given, said):
        assert said in problem(**given)

    def test_no_message_shows_the_password_of_a_store(self):
        assert "hunter2" not in problem(store="redis:hunter2")
        assert "hunter2" not in repr(RateLimitOptions(store="redis://:hunter2@host/0"))

    def test_environment_reaches_the_section(self):
        settings = Settings.load({"rate_limit": {"rules": [rule()]}}, environ={"PERFKIT_RATE_LIMIT__HEADERS": "never"})
        options: Any = settings.sections["rate_limit"]
        assert options.headers == "never"
        assert options.rules[0].name == "rule"


class TestDoubts:
    def options(self, **given: Any) -> RateLimitOptions:
        feature = RateLimit(rules=[rule()], **given)
        return feature.options

    @pytest.mark.parametrize(
        ("environ", "arguments", "count"),
        [
            ({}, ["pytest"], 1),
            ({"WEB_CONCURRENCY": "4"}, [], 4),
            ({"WEB_CONCURRENCY": "many"}, [], 1),
            ({"GUNICORN_CMD_ARGS": "--bind :80 --workers 3"}, [], 3),
            ({}, ["/usr/bin/gunicorn", "-w", "4", "app"], 4),
            ({}, ["/usr/bin/gunicorn", "-w4", "app"], 4),
            ({}, ["/x/uvicorn", "app:app", "--workers=2"], 2),
            ({}, ["/x/uvicorn", "app:app"], 1),
            ({}, ["/x/pytest", "-w", "4"], 1),
        ],
    )
    def test_workers_are_seen(self, environ, arguments, count):
        assert workers(environ, arguments) == count

    def test_workers_that_each_count_for_themselves(self):
        said = list(doubts(self.options(), {"WEB_CONCURRENCY": "4"}, []))
        assert len(said) == 1
        assert "4 worker processes" in said[0]

    def test_one_worker_is_no_reason(self):
        assert list(doubts(self.options(), {}, [])) == []

    def test_are_logged_at_start_up(self, monkeypatch, caplog):
        monkeypatch.setenv("WEB_CONCURRENCY", "2")
        self.options()
        assert "2 worker processes" in caplog.text


def test_feature_is_off_by_default():
    assert "rate_limit" not in [feature.section for feature in Settings().features()]
    assert "rate_limit" in [feature.section for feature in Settings({"rate_limit": True}).features()]
