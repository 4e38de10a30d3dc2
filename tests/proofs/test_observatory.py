"""MDN's HTTP Observatory and Google's CSP Evaluator judge the headers that perfkit sends.

Both run offline on real answers: a page over https, what the same URL answers over http, no cookies.
"""

import json
import subprocess

import anyio
import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from perfkit.asgi import PerfkitMiddleware
from tests.proofs.tools import HERE, node_modules, program

SITE = "shop.example"
CASES = {
    "html profile": ("/", {"csp": {"html": "nonce"}}),
    "api profile": ("/data", {}),
    "preset strict": ("/", {"preset": "strict"}),
    "preset balanced with a policy": ("/", {"csp": {"html": "self"}}),
    "preset balanced as it comes": ("/", {}),
    "no headers": ("/", None),
}


async def page(request):
    # Without perfkit's headers there is no nonce either.
    nonce = request.scope.get("perfkit", {}).get("csp_nonce", "")
    return HTMLResponse(f'<!doctype html><title>Shop</title><script nonce="{nonce}">console.log(1)</script>')


async def data(request):
    return JSONResponse({"hello": "world"})


async def answer(path, options):
    """What the scorer is told of one URL: the answer over https, and where its http variant leads."""
    app = Starlette(routes=[Route("/", page), Route("/data", data)])
    section = None if options is None else {"https_redirect": True, **options}
    served = app if section is None else PerfkitMiddleware(app, {"security_headers": section})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served)) as client:
        secure = await client.get(f"https://{SITE}{path}")
        plain = await client.get(f"http://{SITE}{path}")
    route = [str(plain.url)]
    if plain.is_redirect:
        route.append(plain.headers["Location"])
    assert secure.status_code == 200
    return {
        "url": str(secure.url),
        "status": secure.status_code,
        "headers": [[name, value] for name, value in secure.headers.multi_items()],
        "body": secure.text,
        "route": route,
    }


@pytest.fixture(scope="module")
def answers():
    return {name: anyio.run(answer, path, options) for name, (path, options) in CASES.items()}


@pytest.fixture(scope="module")
def verdicts(answers):
    """What the two say, by case."""
    node = program("node")
    node_modules()
    command = (node, str(HERE / "score.mjs"))
    done = subprocess.run(
        command, input=json.dumps(answers), capture_output=True, text=True, timeout=60, check=False, cwd=HERE
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("case", "least"),
    [("html profile", 130), ("api profile", 130), ("preset strict", 120), ("preset balanced with a policy", 110)],
)
def test_scores_what_was_promised(answers, verdicts, case, least):
    verdict = verdicts[case]
    assert verdict["grade"] == "A+"
    assert verdict["score"] >= least, (verdict, answers[case]["headers"])


def test_without_a_policy_a_page_cannot_reach_an_a(verdicts):
    """So the scores above are those of the policy, and the documentation says why pages should have one."""
    assert verdicts["preset balanced as it comes"]["score"] == 75


def test_a_response_without_any_of_the_headers_scores_as_little_as_it_should(verdicts):
    """The scorer sees what is missing."""
    assert verdicts["no headers"]["grade"] in ("D", "D-", "F")


def test_nothing_is_found_in_the_policy_of_pages_with_nonces(answers, verdicts):
    assert "'nonce-" in dict(answers["html profile"]["headers"])["content-security-policy"]
    assert verdicts["html profile"]["findings"] == []


def test_the_evaluator_finds_what_is_to_be_found(verdicts):
    """A policy without nonces trusts all of the own origin, which it says."""
    assert any(
        "script-src" in each or "default-src" in each for each in verdicts["preset balanced with a policy"]["findings"]
    )
