"""Real clients that read a stream as it comes: curl, node's fetch, httpx and urllib3."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import IO, NamedTuple, TypeAlias

import httpx
import urllib3

from tests.proofs.tools import HERE, missing, program

TIMEOUT = 60  # seconds without a byte; nothing here takes one


class Stream(NamedTuple):
    """A response whose body is coming.

    Attributes:
        coding: what it came in.
        chunks: the body as the client decodes it.
    """

    coding: str
    chunks: Iterator[bytes]


# Given a URL and the coding to ask for; without one, those that the client takes by itself.
Client: TypeAlias = Callable[[str, str], AbstractContextManager[Stream]]


@contextmanager
def curl(url: str, coding: str) -> Iterator[Stream]:
    program_ = program("curl")
    features = subprocess.run((program_, "--version"), capture_output=True, text=True, check=True).stdout
    if {"gzip": "libz", "br": "brotli", "": ""}.get(coding, coding) not in features:
        missing(f"this curl does not know {coding}")
    asks = ("--header", f"Accept-Encoding: {coding}") if coding else ()
    # It decodes what --compressed asks for, and also what it was told to ask for instead.
    options = ("--silent", "--show-error", "--no-buffer", "--include", "--compressed", "--max-time", str(TIMEOUT))
    with _output(program_, *options, *asks, url) as output:
        head = dict(line.lower().decode().rstrip().split(": ", 1) for line in [*_lines(output)][1:])
        yield Stream(head.get("content-encoding", ""), _chunks(output))


def _lines(output: IO[bytes]) -> Iterator[bytes]:
    """The lines of the head."""
    while (line := output.readline()).strip():
        yield line


@contextmanager
def node(url: str, coding: str) -> Iterator[Stream]:
    with _output(program("node"), str(HERE / "fetch.mjs"), url, coding) as output:
        yield Stream(output.readline().decode().strip(), _chunks(output))


@contextmanager
def _output(*command: str) -> Iterator[IO[bytes]]:
    """What a program writes; it has to succeed."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        try:
            yield process.stdout
            assert process.wait(TIMEOUT) == 0, process.stderr.read()
        finally:
            process.kill()


def _chunks(output: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: output.read1(65536), b"")  # type: ignore[attr-defined]


@contextmanager
def of_httpx(url: str, coding: str) -> Iterator[Stream]:
    headers = {"Accept-Encoding": coding} if coding else {}
    with httpx.stream("GET", url, headers=headers, timeout=TIMEOUT) as response:
        yield Stream(response.headers.get("content-encoding", ""), response.iter_bytes())


@contextmanager
def of_urllib3(url: str, coding: str) -> Iterator[Stream]:
    headers = urllib3.make_headers(accept_encoding=coding or True)
    response = urllib3.PoolManager().request("GET", url, headers=headers, timeout=TIMEOUT, preload_content=False)
    with closing(response):
        yield Stream(response.headers.get("content-encoding", ""), response.stream(65536, decode_content=True))


CLIENTS: dict[str, Client] = {"curl": curl, "node": node, "httpx": of_httpx, "urllib3": of_urllib3}
