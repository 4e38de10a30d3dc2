"""`perfkit check --headers` as a user types it, against real servers on the loopback interface."""

import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from perfkit import cli
from perfkit._check import fetching
from perfkit._check.fetching import CheckError, parse
from perfkit.wsgi import PerfkitMiddleware

pytestmark = pytest.mark.server

FULL = {
    "Content-Type": "text/html",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's attribute `answers` says, by path: a status, headers, a body."""

    answers: dict[str, tuple[int, dict[str, str], bytes]]

    def do_GET(self):
        status, headers, body = self.server.answers[self.path]  # type: ignore[attr-defined]
        if self.headers["If-None-Match"]:
            status, body = 304, b""
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_OPTIONS(self):
        self.do_GET()

    def log_message(self, *message):
        """Say nothing."""


@contextmanager
def running(server):
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def serving(answers, context=None):
    """A server of these answers; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.answers = answers  # type: ignore[attr-defined]
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with running(server) as port:
        yield port


@contextmanager
def raw(answer, *, then=None):
    """A server that sends these bytes to whoever connects, and then goes on with `then(connection)`."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(answer)
                    if then is not None:
                        then(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(timeout=10)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout {folder}/key -out {folder}/certificate"
    subprocess.run(command.split(), check=True, capture_output=True)
    return folder


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate", certificate / "key")
    return context


def check(url, *arguments):
    return cli.main(["check", "--headers", url, *arguments])


def failure(capsys, url, *arguments):
    """What the command says of a page it cannot check."""
    assert check(url, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("perfkit: ")
    assert err.count("\n") == 1
    return err


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/html"), ("Set-Cookie", "sessionid=secret; HttpOnly")])
    return [b"<p>Hello</p>"]


class Quiet(WSGIRequestHandler):
    def log_message(self, *message):
        """Say nothing."""


def test_a_page_with_perfkit_is_graded(capsys):
    policy = [("Content-Security-Policy", "default-src 'none'")]

    def app(environ, start_response):
        return hello(environ, lambda status, headers, *info: start_response(status, headers + policy, *info))

    with running(make_server("127.0.0.1", 0, PerfkitMiddleware(app), handler_class=Quiet)) as port:
        assert check(f"http://127.0.0.1:{port}") == 0
    out = capsys.readouterr().out
    assert "x-frame-options: DENY" in out
    assert "Grade A+" in out
    assert "sessionid=...; HttpOnly" in out
    assert "secret" not in out


def test_a_page_below_the_minimum_gives_one_and_says_what_helps(capsys):
    with running(make_server("127.0.0.1", 0, hello, handler_class=Quiet)) as port:
        assert check(f"http://127.0.0.1:{port}/") == 1
        out = capsys.readouterr().out
        assert "Grade C" in out
        assert "security_headers.csp" in out
        assert " -20  Every site may show the page in a frame" in out
        assert 'security_headers.frame = "deny"' in out
        assert "server tells attackers a version: 'WSGIServer" in out
        assert check(f"http://127.0.0.1:{port}/", "--minimum", "D") == 0


def test_it_prints_plain_text_without_rich(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with serving({"/": (200, FULL, b"")}) as port:
        assert check(f"http://127.0.0.1:{port}/") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"200  http://127.0.0.1:{port}/"
    assert lines[-1] == "Grade A+ (130 points, by the rules of the MDN HTTP Observatory)"


def test_brackets_in_a_header_are_no_markup_for_rich(capsys):
    with serving({"/": (200, FULL | {"X-Thing": "[red]a[/red] [/]"}, b"")}) as port:
        assert check(f"http://127.0.0.1:{port}/") == 0
    assert "x-thing: [red]a[/red] [/]" in capsys.readouterr().out


def test_a_long_value_is_cut(capsys):
    with serving({"/": (200, FULL | {"X-Thing": "a" * 5000}, b"")}) as port:
        check(f"http://127.0.0.1:{port}/")
    assert "a" * 300 + " ..." in capsys.readouterr().out.replace("\n", "")


def test_a_redirect_to_https_is_followed_and_seen(capsys, tls, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "certificate"))
    hsts = {"Strict-Transport-Security": "max-age=31536000"}
    with (
        serving({"/a?b=1": (200, FULL | hsts, b"")}, tls) as secure,
        serving({"/": (308, {"Location": f"https://127.0.0.1:{secure}/a?b=1"}, b"")}) as plain,
    ):
        assert check(f"http://127.0.0.1:{plain}") == 0
    out = capsys.readouterr().out
    assert f"308  http://127.0.0.1:{plain}/" in out
    assert f"200  https://127.0.0.1:{secure}/a?b=1" in out
    assert "Plain http is redirected to https" in out
    assert "Grade A+ (130" in out


def test_a_policy_on_a_304_is_found(capsys):
    with serving({"/": (200, FULL | {"ETag": '"a"'}, b"")}) as port:
        assert check(f"http://127.0.0.1:{port}/") == 0
    assert "A 304 brings a Content-Security-Policy" in capsys.readouterr().out


def test_a_nonce_that_never_changes_is_found(capsys):
    with serving({"/": (200, FULL | {"Content-Security-Policy": "default-src 'nonce-a'"}, b"")}) as port:
        check(f"http://127.0.0.1:{port}/")
    assert "Two requests got the same nonce" in capsys.readouterr().out


# What cannot be checked


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "/path",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "http://",
        "https://:443/",
        "http://[::1",
    ],
)
def test_what_is_no_url_of_a_page_is_refused(capsys, url):
    assert "URL" in failure(capsys, url)


@pytest.mark.parametrize(
    "url", ["http://shop.example:port/", "http://shop.example:99999/", f"http://{'a' * 64}.example/"]
)
def test_a_url_with_an_impossible_part_is_refused(capsys, url):
    assert "is not a URL" in failure(capsys, url)


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://shop.example", "http://shop.example/"),
        ("  HTTP://Shop.Example/a b?c d#e ", "http://shop.example/a%20b?c%20d"),
        ("https://user:secret@shop.example:8443/", "https://shop.example:8443/"),
        ("https://bücher.example/größe%20x", "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe%20x"),
        ("http://[::1]:80/", "http://[::1]:80/"),
    ],
)
def test_a_url_is_sent_as_servers_take_it(url, sent):
    assert parse(url).geturl() == sent


def test_a_port_nobody_listens_on(capsys):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert "refused" in failure(capsys, f"http://127.0.0.1:{port}/")


def test_a_host_that_does_not_exist(capsys, monkeypatch):
    def nowhere(*arguments, **keywords):
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    assert "there is no host 'nowhere.invalid'" in failure(capsys, "http://nowhere.invalid/")


def test_a_certificate_nobody_trusts(capsys, tls):
    with serving({"/": (200, FULL, b"")}, tls) as port:
        assert "the certificate is not valid: self" in failure(capsys, f"https://127.0.0.1:{port}/")


def test_a_server_that_does_not_speak_tls(capsys):
    with serving({"/": (200, FULL, b"")}) as port:
        assert "TLS failed" in failure(capsys, f"https://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % number for number in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_not_http(capsys, answer):
    with raw(answer) as url:
        message = failure(capsys, url)
    assert "the answer is not HTTP" in message or "reset" in message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"X-Thing: a\x00b", "control character"),
        (b"X-Thing: \x1b[31mred", "control character"),
        (b"X-Thing: a\x9bb", "control character"),
        (b"no header at all", "a line among its headers that is none"),
    ],
)
def test_a_header_with_invalid_bytes(capsys, line, message):
    with raw(b"HTTP/1.1 200 OK\r\n" + line + b"\r\nContent-Length: 0\r\n\r\n") as url:
        error = failure(capsys, url)
    assert message in error
    assert error[:-1].isprintable()


def test_a_header_in_latin_1_is_shown(capsys):
    with raw(b"HTTP/1.1 200 OK\r\nX-Thing: gr\xf6\xdfe\r\nContent-Length: 0\r\n\r\n") as url:
        assert check(url) == 1
    assert "x-thing: größe" in capsys.readouterr().out


def test_a_server_that_never_answers(capsys):
    with raw(b"", then=lambda connection: connection.recv(1)) as url:
        assert "no answer in 0.2 s" in failure(capsys, url, "--timeout", "0.2")


def drip(connection, piece=b"a"):
    for _ in range(200):
        connection.sendall(piece)
        time.sleep(0.02)


def test_a_head_that_comes_byte_by_byte_is_not_waited_for(capsys):
    started = time.monotonic()
    with raw(b"HTTP/1.1 200 OK\r\nX-Slow: ", then=drip) as url:
        assert "no answer in 0.3 s" in failure(capsys, url, "--timeout", "0.3")
    assert time.monotonic() - started < 4


def test_a_body_that_comes_byte_by_byte_is_not_waited_for(capsys):
    head = b"".join(f"{name}: {value}\r\n".encode() for name, value in FULL.items())
    with raw(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n", then=drip) as url:
        assert check(url, "--timeout", "0.3") == 0


def flood(connection):
    while True:
        connection.sendall(b"a" * 65536)


def test_of_an_endless_body_a_megabyte_is_read():
    with raw(b"HTTP/1.1 200 OK\r\n\r\n", then=flood) as url:
        assert len(fetching.fetch(url, 10).page.body) == 1024 * 1024


def test_redirects_without_an_end(capsys):
    with serving({"/": (302, {"Location": "/"}, b"")}) as port:
        assert "redirects more than 10 times" in failure(capsys, f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/", "javascript:alert(1)", "http://[", "http://a:b/"])
def test_a_redirect_to_nowhere(capsys, location):
    with serving({"/": (302, {"Location": location}, b"")}) as port:
        assert "URL" in failure(capsys, f"http://127.0.0.1:{port}/")


def test_a_redirect_that_leads_nowhere_is_the_page(capsys):
    with serving({"/": (302, FULL, b"")}) as port:
        assert check(f"http://127.0.0.1:{port}/") == 0


def test_what_only_adds_to_the_picture_may_fail(monkeypatch):
    asked = []

    def ask(url, timeout, method="GET", headers=None):
        asked.append((url, method))
        if len(asked) > 1:
            raise CheckError("gone")
        return fetching.Response(url, 200, (("etag", '"a"'),))

    monkeypatch.setattr(fetching, "_ask", ask)
    responses = fetching.fetch("https://shop.example/", 1)
    assert responses[1:] == ((), None, None, None)
    assert ("http://shop.example/", "GET") in asked
    assert ("https://shop.example/", "OPTIONS") in asked


@pytest.mark.parametrize("minimum", ["a", "A++", "", "E"])
def test_a_grade_that_is_none(capsys, minimum):
    assert "is no grade: write one of A+, A, " in failure(capsys, "http://127.0.0.1/", "--minimum", minimum)


@pytest.mark.parametrize("timeout", ["0", "-1", "nan", "1e100"])
def test_a_timeout_that_is_none(capsys, timeout):
    assert "is no time to wait" in failure(capsys, "http://127.0.0.1/", f"--timeout={timeout}")
