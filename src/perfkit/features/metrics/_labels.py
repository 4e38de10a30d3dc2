"""Values of labels: few, short and fit to be shown, whatever a client or an application gives."""

from __future__ import annotations

import re
from typing import Final

# RFC 9110 section 9, PATCH (RFC 5789) and QUERY. Compared as they are: methods are case-sensitive.
METHODS: Final = frozenset("GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH QUERY".split())
# What stands for all other methods.
OTHER: Final = "_OTHER"

# What stands for all values that came when a metric had all the series it may have.
OVERFLOWN: Final = "__overflow__"

MAX_LENGTH: Final = 256

# Names that begin with two underscores are Prometheus's own.
LABEL_NAME: Final = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


def clean(value: object) -> str:
    """A value as a label shows it: a text of at most 256 characters, nothing for None.

    A lone surrogate becomes a question mark, since nothing with it can be encoded: not the whole scrape.
    """
    if value is None:
        return ""
    return str(value).encode("utf-8", "replace").decode()[:MAX_LENGTH]


def exact(status: int) -> str:
    """A status as a label: ``"404"``; ``"0"`` for what is no status."""
    return str(int(status)) if 100 <= status <= 599 else "0"


def status_class(status: int) -> str:
    """Its class as a label: ``"4xx"``; ``"0"`` for what is no status."""
    return f"{status // 100}xx" if 100 <= status <= 599 else "0"
