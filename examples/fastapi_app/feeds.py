"""Responses that take their time: the event stream and the slow query."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from sqlalchemy import text

from bookshop.reports import SLOW_QUERY
from bookshop.sales import DEFAULT_COUNT, DEFAULT_INTERVAL, MAX_COUNT, MAX_INTERVAL, STREAM_HEADERS, sale_event
from perfkit import span

from .database import Database
from .schemas import SlowReport

router = APIRouter(prefix="/api", tags=["feeds"])


@router.get("/events", response_class=StreamingResponse)
async def stream_sales(
    count: Annotated[int, Query(ge=1, le=MAX_COUNT)] = DEFAULT_COUNT,
    interval: Annotated[float, Query(ge=0, le=MAX_INTERVAL)] = DEFAULT_INTERVAL,
) -> StreamingResponse:
    return StreamingResponse(_sales(count, interval), media_type="text/event-stream", headers=STREAM_HEADERS)


@router.get("/slow")
@span("report", "one slow query")
async def report_sales(database: Database) -> SlowReport:
    sales, checksum = (await database.execute(text(SLOW_QUERY))).one()
    return SlowReport(sales=sales, checksum=checksum)


async def _sales(count: int, interval: float) -> AsyncIterator[str]:
    for number in range(1, count + 1):
        yield sale_event(number)
        if number < count:
            await asyncio.sleep(interval)
