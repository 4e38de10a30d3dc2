"""What only the FastAPI example has: its own documentation, and counts that a program can read."""

import asyncio
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from perfkit.reports import ReportKind

REPORT = [
    {
        "type": "csp-violation",
        "url": "https://shop.example/",
        "body": {"effectiveDirective": "img-src", "blockedURL": "https://evil.example/x.png", "disposition": "enforce"},
    }
]


@pytest.fixture
def app(bookshop_home: object) -> FastAPI:
    from fastapi_app.main import create_app

    return create_app()


def ask(app: FastAPI, method: str, path: str, **request: Any) -> httpx.Response:
    async def answer() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://shop.example") as client:
            return await client.request(method, path, **request)

    return asyncio.run(answer())


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_the_documentation_has_a_policy_that_lets_it_work(app: FastAPI, path: str) -> None:
    page = ask(app, "GET", path)
    assert page.status_code == 200
    header = page.headers["content-security-policy"]
    policy = dict(directive.partition(" ")[::2] for directive in header.split("; "))
    assert "'unsafe-inline'" in policy["script-src"]
    hosts = {f"https://{urlsplit(src).hostname}" for src in re.findall(r'<script src="([^"]+)"', page.text)}
    assert hosts <= set(policy["script-src"].split())


def test_reports_are_counted(app: FastAPI) -> None:
    answer = ask(app, "POST", "/csp-reports/", json=REPORT, headers={"content-type": "application/reports+json"})
    assert answer.status_code == 204
    assert app.state.reports.receiver.counts() == {ReportKind("csp-violation", "img-src", "https://evil.example"): 1}
