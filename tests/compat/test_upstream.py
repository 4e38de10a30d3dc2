"""What the originals' own tests say about `perfkit.compat`: none of their cases is left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import django
import pytest

from tests.compat.upstream import fetch, replace, run, unpack

if TYPE_CHECKING:
    from pathlib import Path

STARLETTE = "1.10.0"

# Lines of Django's tests, and what they become, by file. The decorators of views are made of the middlewares.
GZIP = ("from django.middleware.gzip import", "from perfkit.compat.django import")
CONDITIONAL_GET = ("from django.middleware.http import", "from perfkit.compat.django import")
DECORATOR = """\
from django.utils.decorators import decorator_from_middleware
from perfkit.compat.django import {middleware}
{name} = decorator_from_middleware({middleware})
"""
GZIP_PAGE = DECORATOR.format(name="gzip_page", middleware="GZipMiddleware")
CONDITIONAL_PAGE = DECORATOR.format(name="conditional_page", middleware="ConditionalGetMiddleware")
HTTP_DECORATORS = "from django.views.decorators.http import ("
DJANGO = {
    "middleware/tests.py": (GZIP, CONDITIONAL_GET),
    "deprecation/test_middleware_mixin.py": (GZIP, CONDITIONAL_GET),
    "decorators/test_gzip.py": (("from django.views.decorators.gzip import gzip_page\n", GZIP_PAGE),),
    "decorators/test_http.py": (
        ("    conditional_page,\n", ""),
        (HTTP_DECORATORS, CONDITIONAL_PAGE + HTTP_DECORATORS),
    ),
}
DJANGO_LABELS = (
    "middleware.tests.GZipMiddlewareTest",
    "middleware.tests.ETagGZipMiddlewareTest",
    "middleware.tests.ConditionalGetMiddlewareTest",
    "deprecation.test_middleware_mixin",
    "decorators.test_gzip",
    "decorators.test_http.ConditionalPageTests",
)


def passed(sdists: Path, tmp_path: Path, *files: str) -> str:
    """What pytest counts when it runs these files of Starlette's, beside the Starlette they are for."""
    wanted = ("pyproject.toml", "starlette/", "tests/__init__", "tests/conftest", "tests/types", "tests/middleware/")
    root = unpack(fetch("starlette", STARLETTE, sdists), tmp_path, *wanted)
    paths = [f"tests/middleware/{file}" for file in files]
    for path in paths:
        replace(root / path, "from starlette.middleware.gzip import", "from perfkit.compat.starlette import")
    said = run(("-m", "pytest", "-p", "no:cacheprovider", "-q", *paths), root)
    return said.splitlines()[-1].partition(" in ")[0]


def test_starlettes_tests_of_gzip_pass(sdists: Path, tmp_path: Path) -> None:
    assert passed(sdists, tmp_path, "test_gzip.py") == "74 passed"  # all, on asyncio and on trio


def test_starlettes_other_tests_with_gzip_pass(sdists: Path, tmp_path: Path) -> None:
    assert passed(sdists, tmp_path, "test_cors.py", "test_middleware.py") == "44 passed"


def test_djangos_tests_of_both_middlewares_pass(sdists: Path, tmp_path: Path) -> None:
    folders = {f"tests/{file.split('/')[0]}/" for file in DJANGO}
    wanted = ("tests/runtests.py", "tests/test_sqlite.py", "tests/urls.py", "tests/templates/", "tests/mail/", *folders)
    root = unpack(fetch("django", django.__version__, sdists), tmp_path, *wanted)
    for file, changes in DJANGO.items():
        for old, new in changes:
            replace(root / "tests" / file, old, new)
    said = run(("runtests.py", "--parallel=1", *DJANGO_LABELS), root / "tests")
    (ran,) = re.findall(r"Ran (\d+) tests", said)
    assert int(ran) >= 45, said
    assert "skipped" not in said, said


# And what cannot be fetched is not passed over in silence.


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_what_cannot_be_fetched_skips_a_test_and_fails_it_in_ci(
    ci: str, outcome: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match=r"cannot fetch starlette 0\.0\.0"):
        fetch("starlette", "0.0.0", tmp_path)
