"""What people look at: the HTML pages and the catalogue to download."""

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.templating import Jinja2Templates

from bookshop.catalogue import FILENAME, catalogue_file
from bookshop.endpoints import ENDPOINTS
from perfkit.starlette import csp, csp_nonce

from .books import MaybeBook, books_with_relations
from .database import Database
from .models import Book

NEWEST = 12

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
# HEAD too, which FastAPI leaves out: it is what `curl -I` sends to look at headers.
METHODS = ["GET", "HEAD"]
templates = Jinja2Templates(directory=Path(__file__).parent / "templates", context_processors=[csp_nonce])


@router.api_route("/", methods=METHODS)
async def show_home(request: Request, database: Database) -> Response:
    query = books_with_relations().order_by(Book.published.desc(), Book.id.desc()).limit(NEWEST)
    books = (await database.scalars(query)).all()
    return templates.TemplateResponse(request, "home.html", {"books": books, "endpoints": ENDPOINTS})


@router.api_route("/books/{book_id}", methods=METHODS)
async def show_book(request: Request, book: MaybeBook) -> Response:
    if book is None:
        return templates.TemplateResponse(request, "404.html", status_code=404)
    return templates.TemplateResponse(request, "book.html", {"book": book})


@router.api_route("/books/{book_id}/card", methods=METHODS)
@csp.extend({"frame-ancestors": ["*"]})  # on a page about the book, wherever that is
async def show_card(request: Request, book: MaybeBook) -> Response:
    if book is None:
        return templates.TemplateResponse(request, "404.html", status_code=404)
    return templates.TemplateResponse(request, "card.html", {"book": book})


@router.api_route("/files/catalogue.csv", methods=METHODS)
async def download_catalogue() -> Response:
    return FileResponse(catalogue_file(), media_type="text/csv; charset=utf-8", filename=FILENAME)
