"""The bookshop on FastAPI, with what the dashboard shows beside: WebSockets, counted queries, and few series."""

from dataclasses import dataclass

from fastapi import WebSocket

from fastapi_app.main import PERFKIT, create_app
from perfkit import Exchange, Feature, Settings, span
from perfkit.asgi import PerfkitMiddleware

SETTINGS = {
    **PERFKIT,
    # So few series that some are left without one.
    "metrics": {"max_series": 8},
    "thresholds": {"rules": [{"name": "all", "p50": "0.1ms", "minimum": 1, "error_rate": "1%"}]},
}


@dataclass
class Queries:
    """What a watch of queries tells of a request."""

    count: int
    seconds: float


class CountedQueries(Feature):
    """As if each request asked the database three times."""

    def on_request(self, exchange: Exchange) -> None:
        exchange.facts["queries"] = Queries(3, 0.004)


app = create_app(perfkit=False)
settings = Settings(SETTINGS)
app.add_middleware(PerfkitMiddleware, settings=settings, features=[*settings.features(), CountedQueries()])


@app.get("/fails")
async def fail() -> None:
    raise ValueError("this one fails")


@app.get("/spans")
@span("shelve", metric=True)
async def shelve() -> str:
    return "shelved"


@app.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
