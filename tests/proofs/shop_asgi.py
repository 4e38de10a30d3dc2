"""The shop on ASGI: `uvicorn tests.proofs.shop_asgi:app`."""

from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from perfkit.asgi import PerfkitMiddleware, reports_app
from tests.proofs import shop


async def page(request):
    return answered(request, request.scope["perfkit"]["csp_nonce"])


async def naive(request):
    """The same page without perfkit: each answer has a new nonce in its policy, the 304 too."""
    nonce = f"n{len(shop.statuses[request.url.path])}"
    response = answered(request, nonce)
    response.headers["Content-Security-Policy"] = f"script-src 'nonce-{nonce}'"
    return response


def answered(request, nonce):
    answer = shop.page(request.url.path, request.headers.get("If-None-Match"), nonce)
    return Response(answer.body, answer.status, answer.headers)


async def seen(request):
    return JSONResponse(shop.seen())


guarded = Starlette(
    routes=[Route("/seen", seen), Mount("/reports", reports_app(shop.receiver)), Route("/pages/{name}", page)]
)
app = Starlette(routes=[Route("/naive", naive), Mount("/", PerfkitMiddleware(guarded, shop.SETTINGS))])
