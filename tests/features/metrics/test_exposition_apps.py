"""The metrics as an application of their own: mounted, or on a port of their own."""

import asyncio
import http.client
import re
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from prometheus_client import CollectorRegistry, Gauge

from perfkit import ConfigurationError, Settings
from perfkit import asgi as perfkit_asgi
from perfkit import wsgi as perfkit_wsgi
from tests.proofs.servers import eventually

TOKEN = "a-token-of-more-than-16-characters"
ROOT = Path(__file__).parents[3]
LISTENING = re.compile(r"running on http://127\.0\.0\.1:(\d+)")


@pytest.fixture
def stock():
    made = CollectorRegistry()
    Gauge("stock", "On the shelf.", registry=made).set(7)
    return made


def ask_asgi(app, method="GET", client="127.0.0.1", **headers):
    fields = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    sent = []

    async def receive():
        raise AssertionError("nobody wants the body")

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": "/m/x", "query_string": b"", "headers": fields}
    asyncio.run(app({**scope, "client": (client, 1), "scheme": "http"}, receive, send))
    start, body = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]


def ask_wsgi(app, method="GET", client="127.0.0.1", **headers):
    environ = {"REQUEST_METHOD": method, "REMOTE_ADDR": client, "SCRIPT_NAME": "/m", "PATH_INFO": "/x"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    environ |= {"QUERY_STRING": "", "wsgi.input": BytesIO()}
    setup_testing_defaults(environ)
    started = []

    def start_response(status, fields, exc_info=None):
        started.append((int(status[:3]), {name.lower(): value for name, value in fields}))
        return lambda data: None

    iterable: Any = validator(app)(environ, start_response)
    body = b"".join(iterable)
    iterable.close()
    return *started[0], body


@pytest.fixture(params=[(perfkit_asgi, ask_asgi), (perfkit_wsgi, ask_wsgi)], ids=["asgi", "wsgi"])
def host(request):
    return request.param


class TestAnswers:
    def test_whoever_is_on_this_machine_gets_them(self, host, stock):
        module, ask = host
        status, headers, body = ask(module.metrics_app(stock))
        assert status == 200
        assert b"stock 7.0" in body
        assert headers["content-length"] == str(len(body))
        assert headers["content-type"].startswith("text/plain")

    def test_a_head_has_no_body(self, host, stock):
        module, ask = host
        app = module.metrics_app(stock)
        status, headers, body = ask(app, "HEAD")
        assert (status, headers, body) == (*ask(app)[:2], b"")
        assert headers["content-length"] != "0"

    def test_metrics_are_only_read(self, host, stock):
        module, ask = host
        status, headers, _ = ask(module.metrics_app(stock), "POST")
        assert (status, headers["allow"]) == (405, "GET, HEAD")

    def test_gzip(self, host, stock):
        module, ask = host
        _, headers, body = ask(module.metrics_app(stock), Accept_Encoding="gzip")
        assert headers["content-encoding"] == "gzip"
        assert body.startswith(b"\x1f\x8b")

    def test_the_global_registry_by_default(self, host):
        module, ask = host
        assert b"python_info" in ask(module.metrics_app())[2]


class TestWho:
    def test_others_find_nothing(self, host, stock):
        module, ask = host
        status, _, body = ask(module.metrics_app(stock), client="192.0.2.1")
        assert (status, body) == (404, b"Not Found\n")

    def test_others_find_nothing_by_another_method_either(self, host, stock):
        module, ask = host
        assert ask(module.metrics_app(stock), "POST", client="192.0.2.1")[0] == 404

    def test_a_proxy_on_this_machine_makes_nobody_internal(self, host, stock):
        module, ask = host
        assert ask(module.metrics_app(stock), X_Forwarded_For="192.0.2.1")[0] == 404

    def test_a_network_may(self, host, stock):
        module, ask = host
        app = module.metrics_app(stock, internal={"networks": ["192.0.2.0/24"]})
        assert [ask(app, client=client)[0] for client in ("192.0.2.1", "127.0.0.1")] == [200, 404]

    def test_a_token_may_from_anywhere(self, host, stock):
        module, ask = host
        app = module.metrics_app(stock, internal={"token": TOKEN})
        given = [f"Bearer {TOKEN}", f"Bearer {TOKEN}x", "Bearer", TOKEN]
        answers = [ask(app, client="192.0.2.1", Authorization=each)[0] for each in given]
        assert answers == [200, 404, 404, 404]

    def test_through_a_trusted_proxy(self, host, stock):
        module, ask = host
        client = {"trusted_proxies": ["10.0.0.7"]}
        app = module.metrics_app(stock, client=client, internal={"networks": ["192.0.2.0/24"]})
        assert ask(app, client="10.0.0.7", X_Forwarded_For="192.0.2.5")[0] == 200
        assert ask(app, client="10.0.0.7", X_Forwarded_For="198.51.100.5")[0] == 404


class TestSettings:
    def test_settings_as_for_the_middleware(self, host, stock):
        module, ask = host
        settings = Settings({"internal": {"networks": ["192.0.2.0/24"]}, "timing": False})
        assert ask(module.metrics_app(stock, settings), client="192.0.2.1")[0] == 200
        assert ask(module.metrics_app(stock, {"internal": {"token": TOKEN}}), client="192.0.2.1")[0] == 404

    def test_the_token_from_the_environment(self, host, stock, monkeypatch):
        module, ask = host
        monkeypatch.setenv("PERFKIT_INTERNAL__TOKEN", TOKEN)
        for app in (module.metrics_app(stock), module.metrics_app(stock, internal={"networks": []})):
            assert ask(app, client="192.0.2.1", Authorization=f"Bearer {TOKEN}")[0] == 200

    def test_a_mistake_is_named(self, host):
        module, _ = host
        with pytest.raises(ConfigurationError, match=r"internal\.networks\[0\]"):
            module.metrics_app(internal={"networks": ["everywhere"]})

    def test_settings_and_a_section(self, host):
        module, _ = host
        with pytest.raises(TypeError, match="give settings or internal, not both"):
            module.metrics_app(None, {}, internal={})

    def test_a_directory_that_is_missing(self, host, tmp_path, monkeypatch):
        module, _ = host
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "gone"))
        with pytest.raises(ConfigurationError, match="PROMETHEUS_MULTIPROC_DIR"):
            module.metrics_app()


class TestAsgi:
    def test_it_takes_part_in_the_lifespan(self, stock):
        received = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
        sent = []

        async def receive():
            return received.pop(0)

        async def send(message):
            sent.append(message)

        asyncio.run(perfkit_asgi.metrics_app(stock)({"type": "lifespan"}, receive, send))
        assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]

    def test_it_answers_no_websocket(self, stock):
        app: Any = perfkit_asgi.metrics_app(stock)
        with pytest.raises(RuntimeError, match="http only, not websocket"):
            asyncio.run(app({"type": "websocket"}, None, None))

    @pytest.mark.server
    def test_on_a_port_of_its_own(self, tmp_path):
        log = tmp_path / "log"
        command = (sys.executable, "-m", "uvicorn", "--factory", "perfkit.asgi:metrics_app", "--port", "0")
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=output, stderr=output)
        try:
            found = eventually(lambda: LISTENING.search(log.read_text()))
            assert found, log.read_text()
            connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)
            connection.request("GET", "/metrics")
            response = connection.getresponse()
            assert (response.status, b"python_info" in response.read()) == (200, True)
            connection.close()
        finally:
            process.terminate()
            process.wait(20)
        assert "Application shutdown complete" in log.read_text()


class TestBehindAnother:
    """perfkit's middleware around an application that mounts it."""

    def test_what_is_compressed_is_not_compressed_again(self, stock):
        app = perfkit_asgi.CompressionMiddleware(perfkit_asgi.metrics_app(stock), minimum_size=0)
        _, headers, body = ask_asgi(app, Accept_Encoding="gzip, br")
        assert headers["content-encoding"] == "gzip"
        assert body.startswith(b"\x1f\x8b")
