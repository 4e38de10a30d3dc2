"""The archive with FastAPI: `uvicorn tests.proofs.archive_asgi:app`."""

from fastapi import FastAPI, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

from perfkit.asgi import PerfkitMiddleware
from tests.proofs import archive

api = FastAPI(title="Archive")
api.mount("/static", StaticFiles(directory=archive.STATIC))


@api.get("/json")
async def shelf():
    return archive.SHELF


@api.get("/etag")
async def tagged(response: Response):
    response.headers["ETag"] = archive.ETAG
    return archive.SHELF


@api.get("/lines")
async def lines():
    return StreamingResponse(archive.lines_async(), media_type=archive.NDJSON)


@api.get("/page")
async def page():
    return HTMLResponse(archive.PAGE)


@api.get("/live/{kind}/{name}")
async def live(kind: str, name: str):
    return StreamingResponse(archive.live_async(name), media_type=archive.KINDS[kind])


@api.get("/gate/{name}")
async def gate(name: str):
    archive.open_gate(name)
    return "open"


@api.get("/endless/{kind}")
async def endless(kind: str):
    return StreamingResponse(archive.endless_async(), media_type=archive.KINDS[kind])


@api.get("/left")
async def left():
    return archive.left()


app = PerfkitMiddleware(api, archive.SETTINGS)
# For comparison, so that REDbot is seen to find what is wrong.
others = GZipMiddleware(api)
