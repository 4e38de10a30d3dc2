"""How many processes serve the application, as one of them sees it."""

import os

import pytest

from perfkit import _workers
from perfkit._workers import seen_now, siblings

GUNICORN = {"SERVER_SOFTWARE": "gunicorn/23.0.0"}


def system(folder, children):
    """What Linux tells of the children of process 7."""
    told = folder / "7" / "task" / "7"
    told.mkdir(parents=True)
    (told / "children").write_text(children)
    return folder


@pytest.mark.parametrize(("children", "count"), [("8 9 10 11 ", 4), ("8 ", 1), ("", 1)])
def test_the_workers_of_gunicorn_whatever_its_configuration_says(tmp_path, children, count):
    assert siblings(GUNICORN, 7, system(tmp_path, children)) == count


def test_children_of_another_server_may_be_anything(tmp_path):
    assert siblings({}, 7, system(tmp_path, "8 9 ")) == 1


def test_a_system_that_tells_nothing(tmp_path):
    assert siblings(GUNICORN, 7, tmp_path) == 1


@pytest.mark.parametrize(("told", "found", "count"), [("3", 1, 3), ("1", 4, 4), ("", 1, 1)])
def test_all_that_can_be_seen_counts(monkeypatch, told, found, count):
    monkeypatch.setenv("WEB_CONCURRENCY", told)
    monkeypatch.setattr("sys.argv", ["pytest"])
    monkeypatch.setattr(_workers, "siblings", lambda environ, parent: found if parent == os.getppid() else 99)
    assert seen_now() == count
