"""An application behind perfkit's rate limits, and what all of its answers owe: checked on each one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import http_sf

from tests.conformance.client import Flight, Request, Response
from tests.conformance.trace import REQUEST_ID
from tests.doors import DOORS, Door, Front, Page, View

TEXT: Final = ("Content-Type", "text/plain")
HELLO: Final = Page(body=b"hello", headers=[TEXT])
# Headers that a message has at most once.
SINGLE: Final = ("Retry-After", "Content-Length", "Content-Type", "X-RateLimit-Limit", "X-RateLimit-Remaining")
# What an Integer of a structured field can be (RFC 9651 section 3.3.1).
LARGEST: Final = 10**15 - 1

# The doors of one kind, for tests that the others cannot show.
ASGI_DOORS: Final = [door for door in DOORS if door.protocol == "asgi"]
FILE_DOORS: Final = [door for door in DOORS if door.name != "asgi"]  # nothing there makes files of paths
# Where a framework may read one line of a header that comes in several; elsewhere it gets them joined.
LINE_DOORS: Final = [door for door in ASGI_DOORS if not door.django]

Fields = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """How a request reaches perfkit: what the server, and a middleware further out, say of it.

    Attributes:
        peer: the other end of the connection; None for a unix socket.
        mount: the prefix that the server mounts the application at.
        user: who has signed in; only a middleware further in says so in Django, as `signing_in` does.
    """

    peer: str | None = "192.0.2.1"
    mount: str = ""
    user: str | None = None


class User:
    """A user, as ``scope["user"]`` and ``request.user`` have one."""

    def __init__(self, pk: str | None) -> None:
        self.pk = self.identity = pk
        self.is_authenticated = pk is not None


class Site:
    """An application at one door, with counts of its own.

    Args:
        door: the door.
        rules: of ``rate_limit``.
        view: what the application answers.
        sections: other sections of the settings.
        inner: what stands between perfkit and the application: see `Front`.
        outer: what stands around perfkit: a function of an application of the door's protocol.
        middleware: the class of perfkit's hosts, by its name.
        times: how many of it, one in the other.
        options: other options of ``rate_limit``.
    """

    def __init__(
        self,
        door: Door,
        *rules: dict[str, Any],
        view: Page | View = HELLO,
        sections: dict[str, Any] | None = None,
        inner: tuple[Any, ...] = (),
        outer: Any = None,
        middleware: str = "PerfkitMiddleware",
        times: int = 1,
        **options: Any,
    ) -> None:
        self.door = door
        settings = {"rate_limit": {"rules": list(rules), **options}, **(sections or {})}
        called: View = (lambda _: view) if isinstance(view, Page) else view
        self.host: Any = door.open(called, Front(middleware=middleware, settings=settings, inner=inner, times=times))
        self._arrivals: dict[str, Arrival] = {}
        server: Any = getattr(self.host, "host", self.host)
        app = server.app if outer is None else outer(server.app)
        server.app = (self._over_asgi if door.protocol == "asgi" else self._over_wsgi)(app)

    def _over_asgi(self, app: Any) -> Any:
        async def server(scope: Any, receive: Any, send: Any) -> None:
            arrival = self._arrivals.pop(dict(scope["headers"])[REQUEST_ID.raw].decode())
            client = None if arrival.peer is None else (arrival.peer, 5000)
            scope = {**scope, "client": client, "root_path": arrival.mount, "path": arrival.mount + scope["path"]}
            scope["raw_path"] = arrival.mount.encode() + scope["raw_path"]
            if not self.door.django:
                scope["user"] = User(arrival.user)
            await app(scope, receive, send)

        return server

    def _over_wsgi(self, app: Any) -> Any:
        def server(environ: Any, start_response: Any) -> Any:
            arrival = self._arrivals.pop(environ[REQUEST_ID.environ])
            environ |= {"REMOTE_ADDR": arrival.peer or "", "SCRIPT_NAME": arrival.mount}
            if arrival.user is not None and not self.door.django:
                environ["REMOTE_USER"] = arrival.user
            return app(environ, start_response)

        return server

    def open(self, target: str = "/", *headers: tuple[str, str], method: str = "GET", **arrival: Any) -> Flight:
        """Send a request; its response is on its way."""
        given = Arrival(**arrival)
        if given.user is not None and self.door.django:
            headers = (*headers, ("X-User", given.user))
        request = Request(method, target, headers)
        self._arrivals[request.id] = given
        flight: Flight = self.host.open(request)
        return flight

    def get(self, target: str = "/", *headers: tuple[str, str], method: str = "GET", **arrival: Any) -> Response:
        """The response to one request."""
        with self.open(target, *headers, method=method, **arrival) as flight:
            response = flight.rest()
        check(response, method)
        return response

    def statuses(self, count: int, target: str = "/", *headers: tuple[str, str], **given: Any) -> list[int]:
        return [self.get(target, *headers, **given).status for _ in range(count)]


def answers(status: int, *headers: tuple[str, str]) -> Page:
    """A page of that status; 204 and 304 have no content."""
    if status in (204, 304):
        return Page(status=status, headers=headers)
    return Page(status=status, body=b"hello", headers=[TEXT, *headers])


def name_of(door: Door) -> str:
    """The id of a test."""
    return door.name


def rule(limits: Any = "2/hour", name: str = "rule", **options: Any) -> dict[str, Any]:
    return {"name": name, "limits": limits, **options}


def admitted(site: Site, requests: Iterable[dict[str, Any]], target: str = "/") -> list[bool]:
    """Which of these are admitted; each is what `Site.get` takes by name."""
    return [site.get(target, **given).status != 429 for given in requests]


def check(response: Response, method: str) -> None:
    """What no answer may break."""
    for name in SINGLE:
        assert len(response.lines(name)) <= 1, (name, response.lines(name))
    told = [bool(response.lines(name)) for name in ("RateLimit", "RateLimit-Policy")]
    assert told[0] == told[1], told
    if told[0]:
        policies = dict(fields(response, "RateLimit-Policy"))
        for name, parameters in fields(response, "RateLimit"):
            assert name in policies
            assert all(type(value) is int and 0 <= value <= LARGEST for value in parameters.values())
            assert set(parameters) <= {"r", "t"}
    if response.status in (204, 304) or (response.status == 429 and method == "HEAD"):
        assert response.body == b""
    if response.header("Content-Type") == "application/problem+json":
        assert response.members("Cache-Control") == ["no-store"]
        if method != "HEAD":
            assert json.loads(response.body)["status"] == response.status


def fields(response: Response, name: str) -> Fields:
    """A field of an answer, as a parser of structured fields reads it that perfkit has no part in."""
    text = ", ".join(response.lines(name))
    found: Any = http_sf.parse(text.encode("ascii"), tltype="list")
    assert all(type(member) is str for member, _ in found)  # a String, not a Token
    return [(str(member), dict(parameters)) for member, parameters in found]


def state(response: Response) -> dict[str, dict[str, Any]]:
    """What RateLimit says, by policy."""
    return dict(fields(response, "RateLimit"))


def retry_after(response: Response) -> int:
    """Seconds to wait (RFC 9110 section 10.2.3)."""
    text = response.header("Retry-After")
    assert text is not None
    assert text.isascii()
    assert text.isdigit()
    return int(text)


def violated(response: Response) -> list[str]:
    found: list[str] = json.loads(response.body)["violated-policies"]
    return found
