"""A case: what the application does, and with which features. The same on every host.

A test says what must then be seen::

    @case(Whole(body=b"hello"), Recorder("only"))
    def test_whole_body_passes_unchanged(run: Run) -> None:
        assert run().response.body == b"hello"

The case is found by its name, module and function, in the process of a real server too.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from perfkit import Feature
from tests.conformance.behaviours import Behaviour
from tests.conformance.hosts import EVERYWHERE, Kinds, params

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Case:
    behaviour: Behaviour
    features: tuple[Feature, ...]
    settings: Mapping[str, Any]


def case(
    behaviour: Behaviour,
    *features: Feature,
    settings: Mapping[str, Any] | None = None,
    hosts: Kinds = EVERYWHERE,
) -> Callable[[Test], Test]:
    """Run the test on each of these hosts, with a `run` fixture that sends requests to this case."""

    def decorate(test: Test) -> Test:
        test.case = Case(behaviour, features, settings or {})  # type: ignore[attr-defined]
        return pytest.mark.parametrize("host", params(hosts), indirect=True)(test)

    return decorate


def name_of(test: Callable[..., Any]) -> str:
    return f"{test.__module__.rpartition('.')[2]}.{test.__name__}"


def find(name: str) -> Case:
    """The case of that name."""
    module, _, function = name.partition(".")
    found = getattr(importlib.import_module(f"tests.conformance.{module}"), function).case
    assert isinstance(found, Case)
    return found
