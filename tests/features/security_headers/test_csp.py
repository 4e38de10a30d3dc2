"""The builder of Content-Security-Policy: what it sends is what was meant, and what cannot be meant is refused."""

import json
import logging
import os
import subprocess
import sys
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit import ConfigurationError, SecurityHeaders, Settings
from perfkit.features.security_headers import NONCE
from perfkit.features.security_headers._csp import directives, extended, has_nonce, serialize, without_nonce
from perfkit.options import BadOption
from tests.features.security_headers.policy_parser import parse
from tests.memory_exchange import serve

CSP = "Content-Security-Policy"
HASH = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
HTML = [("Content-Type", "text/html; charset=utf-8")]


def policy_of(html: Any, scheme: str = "https", **options: Any) -> str | None:
    exchange = serve(SecurityHeaders(csp={"html": html}, frame=False, **options), headers=HTML, scheme=scheme)
    assert len(exchange.lines(CSP)) < 2
    return next(iter(exchange.lines(CSP)), None)


def built(**policy: Any) -> str:
    return serialize(directives(policy, "html"))


# What is sent


@pytest.mark.parametrize(
    ("policy", "header"),
    [
        ({"default-src": ["'self'"]}, "default-src 'self'"),
        ({"default-src": "'self' https://a.example"}, "default-src 'self' https://a.example"),
        ({"DEFAULT_SRC": ["'SELF'"]}, "default-src 'self'"),
        ({"img-src": ["data:", "'self'", "data:"]}, "img-src 'self' data:"),
        ({"img-src": []}, "img-src 'none'"),
        ({"img-src": False, "font-src": ["'self'"]}, "font-src 'self'"),
        ({"script-src": [HASH]}, f"script-src {HASH}"),
        ({"script-src": [HASH.replace("sha256", "SHA256")]}, f"script-src {HASH}"),
        ({"script-src": ["*.example.com:*", "https:", "wss://a.example/b/", "localhost:8000", "*"]},
         "script-src * *.example.com:* https: localhost:8000 wss://a.example/b/"),
        ({"z-new": ["a"], "a-new": True, "default-src": ["'none'"]}, "default-src 'none'; a-new; z-new a"),
        ({"upgrade-insecure-requests": True}, "upgrade-insecure-requests"),
        ({"upgrade-insecure-requests": []}, "upgrade-insecure-requests"),
        ({"sandbox": []}, "sandbox"),
        ({"sandbox": ["allow-scripts", "allow-forms"]}, "sandbox allow-forms allow-scripts"),
        ({"require-trusted-types-for": ["'script'"], "trusted-types": ["default", "'allow-duplicates'"]},
         "require-trusted-types-for 'script'; trusted-types 'allow-duplicates' default"),
        ({"fenced-frame-src": ["https:"]}, "fenced-frame-src https:"),
    ],
)  # fmt: skip
def test_a_mapping_becomes_a_header(policy: dict[str, Any], header: str) -> None:
    assert policy_of(policy) == header


def test_several_policies_stand_in_one_header() -> None:
    header = policy_of([{"default-src": ["'self'"]}, {"require-trusted-types-for": ["'script'"]}])
    assert header == "default-src 'self', require-trusted-types-for 'script'"
    assert parse(header) == [{"default-src": ["'self'"]}, {"require-trusted-types-for": ["'script'"]}]


def test_enforced_and_report_only_stand_side_by_side() -> None:
    only = [{"img-src": ["'self'"]}, {"script-src": ["'none'"]}]
    headers = dict(serve(SecurityHeaders(csp={"html": {"img-src": ["*"]}}, csp_report_only=only), headers=HTML).headers)
    assert headers[CSP] == "img-src *; frame-ancestors 'none'"
    assert headers[f"{CSP}-Report-Only"] == "img-src 'self', script-src 'none'"


def test_what_only_reports_leaves_out_what_browsers_ignore_there() -> None:
    only = {"sandbox": [], "upgrade-insecure-requests": True, "img-src": ["'self'"]}
    assert dict(serve(SecurityHeaders(csp_report_only=only), headers=HTML, scheme="https").headers)[
        f"{CSP}-Report-Only"
    ] == ("img-src 'self'")


def test_http_asks_for_no_upgrade() -> None:
    policy = {"default-src": ["'self'"], "upgrade-insecure-requests": True}
    assert policy_of(policy, "https") == "default-src 'self'; upgrade-insecure-requests"
    assert policy_of(policy, "http") == "default-src 'self'"
    assert policy_of({"upgrade-insecure-requests": True}, "http") is None


def test_the_header_is_the_same_in_every_process() -> None:
    program = (
        "from perfkit.features.security_headers._csp import *;"
        "print(serialize(directives({'img-src': tuple({'data:', \"'self'\", 'https:', 'a.example', 'b.example'}),"
        "'default-src': tuple({'https:', \"'self'\"})}, 'html')))"
    )
    headers = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "123"
    }
    assert headers == {"default-src 'self' https:; img-src 'self' a.example b.example data: https:\n"}


def test_a_policy_can_come_from_the_environment() -> None:
    environ = {
        "PERFKIT_SECURITY_HEADERS__CSP__HTML__DEFAULT_SRC": "'self' https://a.example",
        "PERFKIT_SECURITY_HEADERS__CSP__HTML__SCRIPT_SRC": "'nonce' 'strict-dynamic'",
        "PERFKIT_SECURITY_HEADERS__CSP__API": json.dumps({"default-src": ["'self'"]}),
    }
    (feature,) = (each for each in Settings.load({}, environ=environ).features() if isinstance(each, SecurityHeaders))
    header = dict(serve(feature, headers=HTML, view=lambda exchange: str(exchange.shared["csp_nonce"])).headers)[CSP]
    (policy,) = parse(header)
    assert policy["default-src"] == ["'self'", "https://a.example"]
    assert policy["script-src"][0].startswith("'nonce-")
    assert dict(serve(feature).headers)[CSP] == "default-src 'self'; frame-ancestors 'none'"


# What is refused


@pytest.mark.parametrize("keyword", ["self", "none", "unsafe-inline", "UNSAFE-eval", "strict-dynamic", "nonce"])
def test_keywords_without_quotes_are_refused_with_the_mend(keyword: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"write \"'{keyword.lower()}'\"$") as caught:
        policy_of({"script-src": ["https:", keyword]})
    assert caught.value.setting == "security_headers.csp.html.script-src[1]"


@pytest.mark.parametrize(
    ("source", "mend"),
    [
        ("https://a.example; script-src *", "entry of its own"),
        ("https://a.example;script-src", "entry of its own"),
        ("https://a.example,b", "entry of its own"),
        ("'self' https:", "entry of its own"),
        ("a\tb", "entry of its own"),
        ("a\r\nSet-Cookie: x=1", "ASCII"),
        ("a\nb", "ASCII"),
        ("a\x00b", "ASCII"),
        ("https://日本.example", "xn--"),
        ("\xff", "ASCII"),
        ("", "'self'"),
        ("'unsafe-inlin'", "did you mean \"'unsafe-inline'\"?"),
        ("'whatever-this-is'", "'self'"),
        ("'self", "did you mean \"'self'\"?"),
        ("'nonce-abc'", "NONCE"),
        ("nonce-abc", "NONCE"),
        ("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", f'write "{HASH}"'),
        ("'sha256-abc'", "write"),
        ("'sha512-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='", "write"),
        ("'sha1-abc'", "write"),
        ("data", 'write "data:"'),
        ("https", 'write "https:"'),
        ("https://", "write"),
        ("https://a.example/?q", "without '?'"),
        ("*.*.example", "write"),
        ("x" * 1_000_000 + ";", "entry of its own"),
    ],
)
def test_sources_that_mean_something_else_are_refused(source: str, mend: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        policy_of({"script-src": ["'self'", source]})
    assert caught.value.setting == "security_headers.csp.html.script-src[1]"
    assert mend in caught.value.mend
    assert len(str(caught.value)) < 500
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("policy", "setting"),
    [
        ({"script-src": ["'none'", "https:"]}, "script-src[0]"),
        ({"script-src": ["https:", "'NONE'"]}, "script-src[1]"),
        ({"script-src": "self"}, "script-src"),
        ({"script-src": True}, "script-src"),
        ({"script src": ["'self'"]}, None),
        ({"script-src; x": ["'self'"]}, None),
        ({"script-src\r\n": ["'self'"]}, None),
        ({"": ["'self'"]}, None),
        ({"script-src": ["'self'"], "SCRIPT_SRC": ["*"]}, "script-src"),
        ({"upgrade-insecure-requests": ["1"]}, "upgrade-insecure-requests"),
        ({"sandbox": ["scripts"]}, "sandbox[0]"),
        ({"require-trusted-types-for": ["script"]}, "require-trusted-types-for[0]"),
        ({"trusted-types": ["a b"]}, "trusted-types[0]"),
        ({"report-uri": ["/a;b"]}, "report-uri[0]"),
        ({"report-uri": ["/a'nonce'"]}, "report-uri[0]"),
        ({"trusted-types": ["allow-duplicates"]}, "trusted-types[0]"),
        ({"trusted-types": ["a'b"]}, "trusted-types[0]"),
        ({"new-directive": ["self"]}, "new-directive[0]"),
        ({"new-directive": ["a;b"]}, "new-directive[0]"),
        ({"new-directive": ["a'nonce'b"]}, "new-directive[0]"),
    ],
)
def test_what_is_wrong_is_named(policy: dict[str, Any], setting: str | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        policy_of(policy)
    assert caught.value.setting == f"security_headers.csp.html{'' if setting is None else '.' + setting}"


def test_the_policy_of_a_list_is_named() -> None:
    with pytest.raises(ConfigurationError) as caught:
        policy_of([{"img-src": ["*"]}, {"img-src": ["self"]}])
    assert caught.value.setting == "security_headers.csp.html[1].img-src[0]"


def test_a_header_nobody_would_take_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="characters long"):
        policy_of({"img-src": [f"https://{number}.example" for number in range(1000)]})


# What is doubted


def warnings(caplog: pytest.LogCaptureFixture, **options: Any) -> list[str]:
    with caplog.at_level(logging.WARNING, "perfkit"):
        SecurityHeaders(**options)
    return [record.getMessage() for record in caplog.records]


def test_unknown_directives_are_kept_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    (said,) = warnings(caplog, csp={"html": {"scritp-src": ["'self'"]}})
    assert said == (
        "security_headers.csp.html: scritp-src is no directive known here, and stays as it is; "
        "did you mean 'script-src'?"
    )


@pytest.mark.parametrize("directive", ["block-all-mixed-content", "plugin-types", "prefetch-src", "navigate-to"])
def test_deprecated_directives_are_kept_with_a_warning(caplog: pytest.LogCaptureFixture, directive: str) -> None:
    (said,) = warnings(caplog, csp_report_only={directive: []})
    assert said.startswith(f"security_headers.csp_report_only: {directive} is deprecated: ")


@pytest.mark.parametrize("preset", ["balanced", "strict", "api", "owasp"])
def test_presets_are_without_doubt(caplog: pytest.LogCaptureFixture, preset: str) -> None:
    assert warnings(caplog, preset=preset, paths=[{"path": "/docs*", "csp": "swagger"}]) == []


# Extending


@pytest.mark.parametrize(
    ("policy", "more", "expected"),
    [
        ({"img-src": ["'self'"]}, {"img-src": ["https:"]}, "img-src 'self' https:"),
        ({"img-src": ["'none'"]}, {"img-src": ["https:"]}, "img-src https:"),
        ({"img-src": ["'self'"]}, {"img-src": ["'none'"]}, "img-src 'self'"),
        ({"default-src": ["'self'"]}, {"img-src": ["https:"]}, "default-src 'self'; img-src 'self' https:"),
        ({"script-src": ["'self'"]}, {"script-src-elem": ["a.b"]}, "script-src 'self'; script-src-elem 'self' a.b"),
        ({"script-src": ["'self'"]}, {"worker-src": ["blob:"]}, "script-src 'self'; worker-src 'self' blob:"),
        ({"child-src": ["a.b"]}, {"frame-src": ["c.d"]}, "child-src a.b; frame-src a.b c.d"),
        # What nothing limits must not be limited by it.
        ({"img-src": ["'self'"]}, {"script-src": ["https:"]}, "img-src 'self'"),
        ({"default-src": ["'self'"]}, {"form-action": ["https:"]}, "default-src 'self'"),
    ],
)
def test_extending_allows_more_and_never_less(policy: Any, more: Any, expected: str) -> None:
    assert serialize(extended(directives(policy, "x"), directives(more, "x"))) == expected


# Nonces


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ([NONCE], "'none'"),
        ([NONCE, "'strict-dynamic'"], "'none'"),
        ([NONCE, "'strict-dynamic'", "'unsafe-inline'"], "'none'"),
        ([NONCE, "'strict-dynamic'", "https:"], "'strict-dynamic' https:"),
        ([NONCE, "'self'"], "'self'"),
        ([NONCE, "'self'", "'unsafe-inline'"], "'self'"),
        (["'self'", "'unsafe-inline'"], "'self' 'unsafe-inline'"),
    ],
)
def test_without_its_nonce_a_policy_allows_no_more(sources: list[str], expected: str) -> None:
    assert serialize(without_nonce(directives({"script-src": tuple(sources)}, "x"))) == f"script-src {expected}"


# Properties

SOURCES = st.lists(
    st.sampled_from(
        ["'self'", "'SELF'", "'unsafe-inline'", "'strict-dynamic'", NONCE, "https:", "data:", "a.example", "*", HASH]
    ),
    max_size=6,
)
FETCH = ["default-src", "script-src", "style-src", "img-src", "worker-src", "frame-src", "base-uri", "form-action"]
POLICIES = st.dictionaries(st.sampled_from(FETCH), SOURCES.map(tuple), min_size=1, max_size=6)


@given(POLICIES)
def test_what_is_built_reads_back_as_it_was_meant(policy: dict[str, tuple[str, ...]]) -> None:
    (read,) = parse(serialize(directives(policy, "x")))
    meant = {name: {source if source == HASH else source.lower() for source in each} for name, each in policy.items()}
    assert {name: set(sources) for name, sources in read.items()} == {
        name: sources or {"'none'"} for name, sources in meant.items()
    }
    assert all(len(set(sources)) == len(sources) for sources in read.values())


@given(POLICIES, st.randoms(use_true_random=False))
def test_order_makes_no_difference(policy: dict[str, tuple[str, ...]], random: Any) -> None:
    items = [(name, tuple(random.sample(sources, len(sources)))) for name, sources in policy.items()]
    random.shuffle(items)
    assert serialize(directives(dict(items), "x")) == serialize(directives(policy, "x"))


@given(POLICIES, POLICIES)
def test_extending_twice_is_extending_once(policy: dict[str, Any], more: dict[str, Any]) -> None:
    by = directives(more, "x")
    once = extended(directives(policy, "x"), by)
    assert serialize(extended(once, by)) == serialize(once)
    (read,) = parse(serialize(once))
    assert set(directives(policy, "x")) <= set(read)


@settings(max_examples=300)
@given(st.text(max_size=20), st.text(alphabet=";, \r\n\x00'\"é-sef:/*", max_size=12))
def test_no_text_ends_a_directive(name: str, source: str) -> None:
    for policy in ({name or "x": ["https:"]}, {"script-src": [source]}, {"new-one": [source]}, {"sandbox": [source]}):
        try:
            header = serialize(directives({key: tuple(value) for key, value in policy.items()}, "x"))
        except BadOption:
            continue
        (read,) = parse(header)
        assert len(read) == 1
        assert sum(map(len, read.values())) == 1
        assert header.isascii()
        assert header.isprintable()


@given(POLICIES)
def test_leaving_the_nonce_out_leaves_none(policy: dict[str, Any]) -> None:
    assert not has_nonce(without_nonce(directives(policy, "x")))


def test_all_orders_of_a_list_are_one_policy() -> None:
    sources = ("'self'", "https:", "data:")
    assert len({built(**{"img-src": order}) for order in permutations(sources)}) == 1
