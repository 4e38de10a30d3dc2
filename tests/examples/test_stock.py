"""The made-up stock, and the place where a demo keeps its files."""

import threading
from contextlib import closing
from pathlib import Path

import pytest

from bookshop.catalogue import COLUMNS, catalogue_file
from bookshop.home import home, secret_key, take_startup_lock, write_once
from bookshop.stock import Stock, make_stock


def test_the_stock_is_the_same_every_time(stock: Stock) -> None:
    assert make_stock() == stock


def test_the_stock_is_large_and_every_reference_leads_somewhere(stock: Stock) -> None:
    assert [len(rows) for rows in (stock.publishers, stock.authors, stock.tags, stock.books)] == [40, 300, 30, 2_000]
    assert len(stock.reviews) == 6_000
    books = {book["id"] for book in stock.books}
    assert books == {link["book_id"] for link in stock.book_authors} == {link["book_id"] for link in stock.book_tags}
    assert {review["book_id"] for review in stock.reviews} <= books
    assert {link["author_id"] for link in stock.book_authors} <= {author["id"] for author in stock.authors}


def test_texts_have_a_realistic_length(stock: Stock) -> None:
    lengths = [len(book["description"]) for book in stock.books]
    assert 350 < sum(lengths) / len(lengths) < 450
    assert min(lengths) > 200


def test_reviews_come_after_their_books(stock: Stock) -> None:
    published = {book["id"]: book["published"] for book in stock.books}
    assert all(review["posted_on"] > published[review["book_id"]] for review in stock.reviews)


def test_isbns_are_well_formed_and_unique(stock: Stock) -> None:
    isbns = [book["isbn"] for book in stock.books]
    assert len(set(isbns)) == len(isbns)
    for isbn in isbns:
        assert len(isbn) == 13
        assert sum(int(digit) * weight for digit, weight in zip(isbn, [1, 3] * 6 + [1], strict=True)) % 10 == 0


def test_the_home_is_made_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BOOKSHOP_HOME", str(tmp_path / "deep" / "home"))
    assert home() == tmp_path / "deep" / "home"
    assert home().is_dir()


def test_without_a_setting_the_home_is_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BOOKSHOP_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert home().parent == tmp_path / "perfkit-bookshop"


def test_a_home_that_cannot_be_made_says_what_to_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BOOKSHOP_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(OSError, match="file") as caught:
        home()
    assert "set BOOKSHOP_HOME" in caught.value.__notes__[0]


@pytest.mark.usefixtures("bookshop_home")
def test_the_startup_lock_lets_in_one_at_a_time() -> None:
    events = []

    def second() -> None:
        with closing(take_startup_lock()):
            events.append("second")

    with closing(take_startup_lock()):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.2)
        events.append("first")
    thread.join()
    assert events == ["first", "second"]


def test_a_file_is_made_once_and_for_its_owner_only(bookshop_home: Path) -> None:
    path = write_once("note.txt", lambda: "first")
    assert write_once("note.txt", lambda: "second") == path
    assert path.read_text() == "first"
    assert path.stat().st_mode & 0o077 == 0
    assert {file.name for file in bookshop_home.iterdir()} == {"note.txt", "startup.lock"}


@pytest.mark.usefixtures("bookshop_home")
def test_the_demo_key_is_kept_and_a_real_one_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    key = secret_key()
    assert len(key) >= 50
    assert secret_key() == key
    monkeypatch.setenv("BOOKSHOP_SECRET_KEY", "from the environment")
    assert secret_key() == "from the environment"


@pytest.mark.usefixtures("bookshop_home")
def test_the_catalogue_has_a_line_for_every_book(stock: Stock) -> None:
    lines = catalogue_file().read_text(encoding="utf-8").splitlines()
    assert lines[0].split(",") == list(COLUMNS)
    assert len(lines) == 1 + len(stock.books)
