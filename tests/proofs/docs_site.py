"""FastAPI's documentation pages, and the hosts they load from: `uvicorn tests.proofs.docs_site:app`.

One server stands in for all hosts, each of which the browser is told to find there.
"""

import io
import wave
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.security import OAuth2AuthorizationCodeBearer
from starlette.applications import Starlette
from starlette.datastructures import URL
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Host, Mount, Route
from starlette.staticfiles import StaticFiles

from perfkit.asgi import PerfkitMiddleware
from tests.proofs.probes import without_one_source
from tests.proofs.tools import HERE

PACKAGES = HERE / "node_modules"
SWAGGER_UI = PACKAGES / "swagger-ui-dist"
ICON = SWAGGER_UI / "favicon-32x32.png"

RULES = ({"path": "/docs*", "csp": "swagger"}, {"path": "/redoc*", "csp": "swagger"})
# For signing in at another site: the page keeps its hold on the popup that leads there, and what the popup comes back
# to, which closes it, must not cut itself off either.
POPUP_RULES = (
    {"path": "/docs/oauth2-redirect", "csp": "swagger", "coop": False},
    {"path": "/docs*", "csp": "swagger", "coop": "same-origin-allow-popups"},
)

# The shop

router = APIRouter()
signed_in = OAuth2AuthorizationCodeBearer("https://login.example/authorize", "/token")


@router.get("/books/{isbn}", summary="Look up a book")
async def book(isbn: int):
    return {"isbn": isbn, "title": "Walden"}


@router.get("/cover", summary="Show a cover")
async def cover():
    return FileResponse(ICON)


@router.get("/sample", summary="Hear a chapter")
async def sample():
    content = io.BytesIO()
    with wave.open(content, "wb") as silence:
        silence.setparams((1, 1, 8000, 800, "NONE", ""))
        silence.writeframes(bytes(800))
    return Response(content.getvalue(), media_type="audio/wav")


@router.get("/me", summary="Say who is signed in")
async def me(token: Annotated[str, Depends(signed_in)]):
    return {"token": token}


@router.post("/token", include_in_schema=False)
async def token():
    return {"access_token": "t0ken", "token_type": "bearer"}


# As FastAPI's own documentation has it: "Custom Docs UI Static Assets (Self-Hosting)".


@router.get("/docs-of-our-own", include_in_schema=False)
async def docs_of_our_own():
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Shop",
        swagger_js_url="/static/swagger-ui-dist/swagger-ui-bundle.js",
        swagger_css_url="/static/swagger-ui-dist/swagger-ui.css",
        swagger_favicon_url="/static/swagger-ui-dist/favicon-32x32.png",
    )


@router.get("/redoc-of-our-own", include_in_schema=False)
async def redoc_of_our_own():
    return get_redoc_html(
        openapi_url="/openapi.json",
        title="Shop",
        redoc_js_url="/static/redoc/bundles/redoc.standalone.js",
        redoc_favicon_url="/static/swagger-ui-dist/favicon-32x32.png",
        with_google_fonts=False,
    )


def shop(preset, rules):
    app = FastAPI(title="Shop")
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=PACKAGES))
    app.add_middleware(PerfkitMiddleware, {"security_headers": {"preset": preset, "paths": list(rules)}})
    return app


# The others. What they answer has no more headers than a browser needs, so that the pages rely on none.


def answering(content, media_type):
    async def answer(request):
        # Fonts are only for those whom their host lets have them.
        return Response(content, media_type=media_type, headers={"Access-Control-Allow-Origin": "*"})

    return answer


async def authorize(request):
    """Somebody has signed in, and goes back."""
    asked = request.query_params
    return RedirectResponse(URL(asked["redirect_uri"]).include_query_params(code="c0de", state=asked["state"]))


FONT = "roboto-latin-400-normal.woff2"
# In the place of what Google answers to the URL that ReDoc's page names.
FACES = "".join(
    f"@font-face {{font-family: {family}; src: url(https://fonts.gstatic.com/s/{FONT})}}\n"
    for family in ("Montserrat", "Roboto")
)
LOGO = "<svg xmlns='http://www.w3.org/2000/svg' width='8' height='8'/>"
OTHERS: dict[str, list[BaseRoute]] = {
    "cdn.jsdelivr.net": [
        Mount("/npm/swagger-ui-dist@5", StaticFiles(directory=SWAGGER_UI)),
        Mount("/npm/redoc@2", StaticFiles(directory=PACKAGES / "redoc")),
    ],
    "cdn.redoc.ly": [Route("/redoc/logo-mini.svg", answering(LOGO, "image/svg+xml"))],
    "fastapi.tiangolo.com": [Route("/img/favicon.png", answering(ICON.read_bytes(), "image/png"))],
    "fonts.googleapis.com": [Route("/css", answering(FACES, "text/css"))],
    "fonts.gstatic.com": [
        Route(f"/s/{FONT}", answering((PACKAGES / "@fontsource/roboto/files" / FONT).read_bytes(), "font/woff2"))
    ],
    "login.example": [Route("/authorize", authorize)],
}
PROBES = list(without_one_source("swagger"))
SHOPS = {
    "balanced.example": shop("balanced", RULES),
    "strict.example": shop("strict", RULES),
    "unruled.example": shop("strict", ()),
    "popups.example": shop("strict", POPUP_RULES),
    "probing.example": shop("balanced", [{**rule, "csp_report_only": PROBES} for rule in RULES]),
}
app = Starlette(
    routes=[
        *(Host(name, site) for name, site in SHOPS.items()),
        *(Host(name, Starlette(routes=routes)) for name, routes in OTHERS.items()),
    ]
)
