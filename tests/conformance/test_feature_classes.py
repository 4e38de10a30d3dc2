"""The middleware classes that run one feature of perfkit alone, with its options as keywords."""

from __future__ import annotations

from typing import Any

import pytest

from perfkit import ConfigurationError, asgi, wsgi
from tests.conformance.direct_asgi import START, body, says, scope, talk_to
from tests.conformance.direct_wsgi import answers, call_host

HSTS = "Strict-Transport-Security"
FROM_PROXY = {"trusted_proxies": ["127.0.0.1"]}


def over_asgi(middleware: Any, **options: Any) -> dict[str, str]:
    """The headers of a response to a request that came through a proxy, over https."""
    given = scope()
    given["headers"] += [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https")]
    sent = talk_to(middleware(says(START, body(b"hello")), **options), scope=given)
    return {name.decode().title(): value.decode() for name, value in sent.headers.items()}


def over_wsgi(middleware: Any, **options: Any) -> dict[str, str]:
    forwarded: dict[str, Any] = {"HTTP_X_FORWARDED_FOR": "203.0.113.7", "HTTP_X_FORWARDED_PROTO": "https"}
    return call_host(middleware(answers([b"hello"]), **options), **forwarded).headers


HOSTS = pytest.mark.parametrize(("host", "headers_of"), [(asgi, over_asgi), (wsgi, over_wsgi)], ids=["asgi", "wsgi"])


@HOSTS
def test_timing_alone(host: Any, headers_of: Any) -> None:
    headers = headers_of(host.TimingMiddleware)
    assert "total;dur=" in headers["Server-Timing"]
    assert "X-Content-Type-Options" not in headers


@HOSTS
def test_security_headers_alone(host: Any, headers_of: Any) -> None:
    headers = headers_of(host.SecurityHeadersMiddleware)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Server-Timing" not in headers


@HOSTS
def test_shared_section_is_an_option_too(host: Any, headers_of: Any) -> None:
    assert HSTS in headers_of(host.SecurityHeadersMiddleware, client=FROM_PROXY)
    assert HSTS not in headers_of(host.SecurityHeadersMiddleware)


@HOSTS
def test_unknown_option_is_an_error(host: Any, headers_of: Any) -> None:
    with pytest.raises(ConfigurationError, match="colour"):
        host.TimingMiddleware(None, colour="red")
