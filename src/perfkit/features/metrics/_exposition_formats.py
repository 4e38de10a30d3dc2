"""In which format, and how encoded, a client wants the metrics (RFC 9110 section 12.5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    # What prometheus-client calls a registry or a part of one.
    from prometheus_client.registry import Collector

OPENMETRICS: Final = "application/openmetrics-text"
TEXT: Final = "text/plain"
# What a client that takes anything gets: the format that all readers know.
ANY_TEXT: Final = frozenset({TEXT, "text/*", "*/*"})

# What each version that can be had is asked for with. The first text version is what prometheus-client writes anyway.
TEXT_VERSIONS: Final = {"": "", "0.0.4": "", "1.0.0": f"{TEXT}; version=1.0.0"}
OPENMETRICS_VERSIONS: Final = {"": OPENMETRICS, "1.0.0": f"{OPENMETRICS}; version=1.0.0"}
OPENMETRICS_2: Final = "2.0.0"

# How names beyond letters, digits and "_" are written.
ESCAPINGS: Final = frozenset({"allow-utf-8", "underscores", "dots", "values"})

_WEIGHT: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)

Encoder: TypeAlias = "Callable[[Collector], bytes]"


class Member(NamedTuple):
    """One member of a header that lists what a client takes.

    Attributes:
        value: in lower case: a media type, a coding.
        parameters: names in lower case.
        weight: from 0, which is not wanted, to 1.
    """

    value: str
    parameters: Mapping[str, str]
    weight: float


def members(header: str) -> list[Member]:
    """What a client takes, the most wanted first, equals as they were written."""
    found = [_member(text) for text in header.split(",") if text.strip()]
    return sorted(found, key=lambda member: -member.weight)


def _member(text: str) -> Member:
    value, *parameters = text.split(";")
    pairs = [parameter.partition("=") for parameter in parameters]
    named = {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}
    weight = named.get("q", "1")
    # What is no weight makes the member one that is not wanted, as nobody knows what was meant.
    return Member(value.strip().lower(), named, float(weight) if _WEIGHT.fullmatch(weight) else 0.0)


def chosen(accept: str) -> str:
    """Of what a client takes the first that can be had, in the few words `encoder` knows.

    A client that takes none of it gets the plain text format: it can still say so (RFC 9110 section 12.5.1).
    """
    for value, parameters, weight in members(accept):
        versions = TEXT_VERSIONS if value in ANY_TEXT else _openmetrics_versions() if value == OPENMETRICS else {}
        words = versions.get(parameters.get("version", ""))
        if weight and words is not None:
            escaping = parameters.get("escaping", "")
            return f"{words}; escaping={escaping}" if "version" in words and escaping in ESCAPINGS else words
    return ""


def _openmetrics_versions() -> Mapping[str, str]:
    from prometheus_client.openmetrics import exposition

    # The first to have native histograms.
    if hasattr(exposition, "CONTENT_TYPE_LATEST_2_0"):
        return {**OPENMETRICS_VERSIONS, OPENMETRICS_2: f"{OPENMETRICS}; version={OPENMETRICS_2}"}
    return OPENMETRICS_VERSIONS


def encoder(words: str) -> tuple[Encoder, str]:
    """What writes the chosen format, and its content type."""
    from prometheus_client import exposition

    choose: Any = exposition.choose_encoder  # typed in some versions only
    found: tuple[Encoder, str] = choose(words)
    return found


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a client takes gzip; one that says nothing gets the text as it is."""
    weights = {member.value: member.weight for member in members(accept_encoding)}
    for name in ("gzip", "x-gzip", "*"):  # the second is another name for the first (RFC 9110 section 8.4.1.3)
        if name in weights:
            return weights[name] > 0
    return False
