"""The matrix perfkit supports, on the interpreters this machine has: `make matrix`, or `nox --list` to choose."""

import nox

nox.needs_version = ">=2025.10.16"
nox.options.default_venv_backend = "virtualenv"
# Off even under CI: the matrix is what is here, and nox names what it skipped.
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"

# Django 6 needs Python 3.12.
TESTED = [
    ("3.11", "5.2"),
    ("3.12", "5.2"),
    ("3.12", "newest"),
    ("3.13", "5.2"),
    ("3.13", "newest"),
]
DJANGO = {"5.2": "Django~=5.2.0", "newest": "Django>=6.0"}


@nox.session
@nox.parametrize("python,django", TESTED)
def tests(session: nox.Session, django: str) -> None:
    """The whole suite against one Python, one Django and Starlette 1."""
    session.install("--editable", ".[test]", DJANGO[django], "starlette~=1.0")
    session.run("python", "-m", "pytest", "--numprocesses", "auto", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, types and imports, as `make lint`."""
    session.install("--editable", ".[lint]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--diff")
    session.run("mypy")
    session.run("lint-imports")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, built strictly."""
    session.install("--editable", ".[docs]")
    session.run("mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
