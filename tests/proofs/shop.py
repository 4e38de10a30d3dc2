"""The application that the browser opens: `uvicorn tests.proofs.shop:app`."""

from collections import defaultdict

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route

from perfkit.asgi import PerfkitMiddleware, reports_app
from perfkit.reports import Report, ReportReceiver

SETTINGS = {"security_headers": {"csp": {"html": "nonce"}, "reporting": {"csp": "/reports/csp"}}}
PAGE = """<!doctype html>
<title>Shop</title>
<script nonce="{nonce}">window.own = "ran"</script>
<p>A comment with <script>window.injected = "ran"</script> in it</p>
<img src="data:," onerror="window.handler = 'ran'">
"""
ETAG = '"1"'

statuses: defaultdict[str, list[int]] = defaultdict(list)
reports: list[Report] = []


async def page(request):
    """A page with a nonce and a validator of its own, made as ETag middleware does: rendered, and then not sent."""
    return validated(request, PAGE.format(nonce=request.scope["perfkit"]["csp_nonce"]))


async def naive(request):
    """The same page without perfkit: each answer has a new nonce in its policy, the 304 too."""
    nonce = f"n{len(statuses[request.url.path])}"
    return validated(request, PAGE.format(nonce=nonce), {"Content-Security-Policy": f"script-src 'nonce-{nonce}'"})


def validated(request, body, headers=None):
    headers = {**(headers or {}), "ETag": ETAG, "Cache-Control": "no-cache"}
    known = request.headers.get("If-None-Match") == ETAG
    response = Response(status_code=304, headers=headers) if known else HTMLResponse(body, headers=headers)
    statuses[request.url.path].append(response.status_code)
    return response


async def seen(request):
    """What was answered for each page, and what the browser has reported."""
    kinds = [(each.type, each.directive, each.blocked, each.document, each.enforced) for each in reports]
    return JSONResponse({"statuses": statuses, "reports": kinds, "malformed": receiver.totals().malformed})


receiver = ReportReceiver(on_report=reports.append, log_period=0)
guarded = Starlette(
    routes=[Route("/seen", seen), Mount("/reports", reports_app(receiver)), Route("/pages/{name}", page)]
)
app = Starlette(routes=[Route("/naive", naive), Mount("/", PerfkitMiddleware(guarded, SETTINGS))])
