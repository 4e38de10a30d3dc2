"""The application. Run it with `uvicorn --app-dir examples fastapi_app.main:app`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.sessions import SessionMiddleware

import bookshop
from bookshop.home import home, secret_key
from perfkit.asgi import PerfkitMiddleware, reports_app

from . import accounts, books, feeds, pages, reviews
from .database import database_url, open_database

STATIC_FOLDER = Path(bookshop.__file__).parent / "static"

# The defaults suit this shop. Which policy its pages can live with and how long they hold, only their author knows.
PERFKIT = {
    "security_headers": {
        "csp": {"html": "nonce"},  # templates/home.html has the nonce; the other pages need none
        "reporting": {"csp": "/csp-reports/"},
        "paths": [
            {"path": "/docs*", "csp": "swagger"},
            {"path": "/redoc*", "csp": "swagger"},
            {"path": "/api/logout", "clear_site_data": True},
        ],
    },
    "cache_control": {
        # No address here has a version in it, so nothing is used for long unasked. "no-cache" means: keep it, and ask.
        # The answer is a 304 for as long as it holds.
        "rules": [
            {"path": "/static/*", "value": "public, max-age=3600"},
            {"path": "/api/*", "value": "private, no-cache"},
            {"value": "no-cache"},
        ],
    },
    "rate_limit": {
        # Five wrong passwords at once, and one more every two seconds. A right one counts for nothing.
        "rules": [
            {
                "name": "wrong-logins",
                "match": {"path": "/api/login", "methods": ["POST"]},
                "limits": "30/minute",
                "algorithm": "gcra",
                "burst": 5,
                "count_when": "401",
            }
        ],
    },
    "health": {
        "checks": {
            "database": {"kind": "database", "url": database_url().render_as_string(hide_password=False)},
            "disk": {"kind": "disk", "path": str(home()), "free": "50 MB", "required": False},
        },
    },
    "thresholds": {
        # Told in the log once, and again when it is over. /api/slow and a naive list of reviews are there to break it.
        "rules": [{"name": "api", "match": {"prefix": "/api"}, "p95": "400ms", "error_rate": "2%"}],
    },
}


def create_app(*, perfkit: bool = True) -> FastAPI:
    """The bookshop, with perfkit or, to compare, without."""
    app = FastAPI(title="Bookshop", lifespan=lifespan)
    app.add_middleware(SessionMiddleware, secret_key=secret_key(), same_site="lax")
    if perfkit:
        # This line is all it takes. Middleware added last is outermost, so perfkit sees every response as it leaves.
        app.add_middleware(PerfkitMiddleware, settings=PERFKIT)

    app.add_exception_handler(RequestValidationError, explain_bad_input)
    for module in (pages, books, reviews, feeds, accounts):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    app.state.reports = reports_app()
    app.mount("/csp-reports", app.state.reports)
    return app


def create_plain_app() -> FastAPI:
    """The same application without perfkit: `uvicorn --factory fastapi_app.main:create_plain_app`."""
    return create_app(perfkit=False)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Keep the database open, and seeded, while the application runs."""
    async with open_database() as sessions:
        app.state.sessions = sessions
        yield


async def explain_bad_input(_request: Request, error: Exception) -> JSONResponse:
    """One sentence for people, in the shape of every other error here, in place of FastAPI's list of objects."""
    assert isinstance(error, RequestValidationError)
    problems = [f"{_field(problem['loc'])}: {problem['msg']}" for problem in error.errors()]
    return JSONResponse({"detail": "; ".join(problems)}, status_code=422)


def _field(location: tuple[str | int, ...]) -> str:
    """`limit` of ("query", "limit"), and `body` of ("body", 12), where the number is a position in bad JSON."""
    return [part for part in location if isinstance(part, str)][-1]


app = create_app()
