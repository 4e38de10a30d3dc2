"""Which hosts there are: the four in this process, and real servers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import pytest

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet


class Kind(NamedTuple):
    """One host.

    Attributes:
        name: as in the ids of tests.
        protocol: what the host speaks to its server.
        django: whether it is the Django host.
        validated: whether `wsgiref.validate` stands on both sides of it.
        server: whether a real server on a real socket serves it.
    """

    name: str
    protocol: Literal["asgi", "wsgi"]
    django: bool = False
    validated: bool = False
    server: bool = False


Kinds: TypeAlias = tuple[Kind, ...]

EVERYWHERE: Kinds = (
    Kind("asgi", "asgi"),
    Kind("wsgi", "wsgi"),
    Kind("wsgi-validated", "wsgi", validated=True),
    Kind("django-asgi", "asgi", django=True),
    Kind("django-wsgi", "wsgi", django=True),
    Kind("uvicorn", "asgi", server=True),
    Kind("hypercorn", "asgi", server=True),
    Kind("granian", "asgi", server=True),
    Kind("daphne", "asgi", server=True),
    Kind("gunicorn", "wsgi", server=True),
    Kind("waitress", "wsgi", server=True),
    Kind("wsgiref", "wsgi", validated=True, server=True),
    Kind("uvicorn-django", "asgi", django=True, server=True),
    Kind("gunicorn-django", "wsgi", django=True, server=True),
)

IN_PROCESS: Kinds = tuple(kind for kind in EVERYWHERE if not kind.server)
# daphne's check for failed applications itself fails where a response has begun, and never runs again.
WITHOUT_DAPHNE: Kinds = tuple(kind for kind in EVERYWHERE if kind.name != "daphne")
UNVALIDATED: Kinds = tuple(kind for kind in EVERYWHERE if not kind.validated)
DJANGO: Kinds = tuple(kind for kind in EVERYWHERE if kind.django)


def params(kinds: Iterable[Kind]) -> list[ParameterSet]:
    """The hosts as parameters of a test; under ``--dist loadgroup`` each server starts in one worker only."""
    return [
        pytest.param(
            kind, id=kind.name, marks=[pytest.mark.server, pytest.mark.xdist_group(kind.name)] if kind.server else []
        )
        for kind in kinds
    ]
