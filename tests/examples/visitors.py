"""What the tests' visitors do: log in, and read answers as they come over the wire."""

from collections.abc import Iterator

import httpx

from bookshop.stock import DEMO_PASSWORD, DEMO_USERNAME

CREDENTIALS = {"username": DEMO_USERNAME, "password": DEMO_PASSWORD}


def log_in(shop: httpx.Client) -> httpx.Response:
    response = shop.post("/api/login", json=CREDENTIALS)
    assert response.json() == {"username": DEMO_USERNAME}
    return response


def wire(shop: httpx.Client, path: str, accept: str, **headers: str) -> Iterator[tuple[httpx.Response, bytes]]:
    """The response with each piece of its body, as coded as it was sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with shop.stream("GET", path, headers={"Accept-Encoding": accept, **named}) as response:
        for piece in response.iter_raw():
            yield response, piece


def get(shop: httpx.Client, path: str, accept: str = "identity", **headers: str) -> tuple[httpx.Response, bytes]:
    """The response and its body, as coded as it was sent."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with shop.stream("GET", path, headers={"Accept-Encoding": accept, **named}) as response:
        return response, b"".join(response.iter_raw())
