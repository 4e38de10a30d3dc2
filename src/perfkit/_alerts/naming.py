"""Series as PromQL selects them.

Source: https://prometheus.io/docs/prometheus/latest/querying/basics/.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from perfkit.features.metrics._series import SHORT_LABELS, Names, Series

JOB: Final = "job"

_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")


class Matcher(NamedTuple):
    """What the value of a label has to be.

    Attributes:
        label: the label, by its long name.
        operator: ``=``, ``!=``, ``=~`` or ``!~``.
        value: a text; of the last two a regular expression for all of it.
    """

    label: str
    operator: str
    value: str


class Naming(NamedTuple):
    """How series and labels are called.

    Attributes:
        names: the option of the metrics.
        job: the job whose series are meant; None for all.
    """

    names: Names = "otel"
    job: str | None = None

    def select(self, series: Series, *matchers: Matcher, suffix: str = "") -> str:
        """A selector: ``http_server_requests_total{http_route="/books"}``."""
        return self.select_name(series.named(self.names) + suffix, *matchers)

    def select_name(self, name: str, *matchers: Matcher) -> str:
        """A selector of series that are not ours."""
        wanted = [*([] if self.job is None else [Matcher(JOB, "=", self.job)]), *matchers]
        inner = ",".join(f"{self._label(label)}{operator}{quoted(value)}" for label, operator, value in wanted)
        return f"{name}{{{inner}}}" if inner else name

    def _label(self, name: str) -> str:
        return SHORT_LABELS.get(name, name) if self.names == "short" else name


def any_of(label: str, texts: Iterable[str]) -> Matcher:
    """One of these texts, each as it is written."""
    first, *rest = texts
    if not rest:
        return Matcher(label, "=", first)
    return Matcher(label, "=~", "|".join(map(literal, (first, *rest))))


def literal(text: str) -> str:
    """A text in a regular expression of RE2."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def quoted(text: str) -> str:
    """A string in quotes, with escapes that PromQL, as it has those of Go, and YAML share (YAML 1.2 section 5.7)."""
    # A lone surrogate is a question mark in the metrics too.
    return '"' + "".join(map(_escaped, text.encode("utf-8", "replace").decode())) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"
