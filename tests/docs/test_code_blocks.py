"""The code in the documentation runs: every page of docs/ and the README is one test (page.py beside this says how)."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import page as page_runner

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TIMEOUT_SECONDS = 60


def run(page: Path, directory: Path) -> subprocess.CompletedProcess[str]:
    """Runs a page in an interpreter of its own, for Django can be configured only once in a process.

    It works in `directory`, as a page may write the files it speaks about, and finds only what is installed (-P).
    """
    command = [sys.executable, "-P", "-W", "error", page_runner.__file__, str(page)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=directory, timeout=TIMEOUT_SECONDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page(page: Path, tmp_path: Path) -> None:
    done = run(page, tmp_path)
    assert done.returncode == 0, f"\n{done.stdout}{done.stderr}"


# And the tests above can fail.


def make_page(directory: Path, text: str) -> Path:
    page = directory / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


def failure(directory: Path, text: str) -> str:
    done = run(make_page(directory, text), directory)
    assert done.returncode != 0
    return done.stderr


def test_blocks_of_a_page_share_a_namespace_in_order(tmp_path: Path) -> None:
    page = make_page(tmp_path, "```python\nx = 1\n```\ntext\n\n```python\nprint('ran', x + 1)\n```\n")
    done = run(page, tmp_path)
    assert (done.returncode, done.stdout) == (0, "ran 2\n"), done.stderr


def test_a_failure_points_at_page_and_line(tmp_path: Path) -> None:
    error = failure(tmp_path, "# Title\n\n```python\nx = 1\nassert x == 2\n```\n")
    assert f'{tmp_path / "page.md"}", line 5' in error
    assert "assert x == 2" in error


def test_an_indented_block_runs_and_points_at_its_line(tmp_path: Path) -> None:
    error = failure(tmp_path, '=== "Flask"\n\n    ```python title="app.py"\n    if True:\n        1 / 0\n    ```\n')
    assert f'{tmp_path / "page.md"}", line 5' in error


def test_a_marked_block_is_compiled_and_not_run(tmp_path: Path) -> None:
    marked = "<!-- no-test: needs a server -->\n```python\n{}\n```\n"
    assert run(make_page(tmp_path, marked.format("1 / 0")), tmp_path).returncode == 0
    assert "SyntaxError" in failure(tmp_path, marked.format("1 /"))


def test_a_mark_reaches_only_the_block_right_below(tmp_path: Path) -> None:
    assert "ZeroDivisionError" in failure(tmp_path, "<!-- no-test: no -->\n\n```python\n1 / 0\n```\n")


def test_a_mark_needs_a_reason(tmp_path: Path) -> None:
    assert "page.md:1: say why" in failure(tmp_path, "<!-- no-test -->\n```python\n```\n")


def test_toml_must_parse(tmp_path: Path) -> None:
    assert "page.md:4: in the TOML block" in failure(tmp_path, "\n\n```toml\nx = \n```\n")


def test_a_fence_inside_a_longer_one_is_text(tmp_path: Path) -> None:
    page = make_page(tmp_path, "````markdown\n```python\n1 / 0\n```\n````\n")
    assert [block.language for block in page_runner.blocks(page)] == ["markdown"]


def test_a_block_never_closed_is_an_error(tmp_path: Path) -> None:
    assert "page.md:2: this block is never closed" in failure(tmp_path, "\n```python\nx = 1\n")


def test_a_warning_is_an_error(tmp_path: Path) -> None:
    page = "```python\nimport warnings\nwarnings.warn('old', DeprecationWarning)\n```\n"
    assert "DeprecationWarning: old" in failure(tmp_path, page)
