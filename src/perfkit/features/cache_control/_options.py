"""The options of the section ``cache_control``."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from perfkit.features.cache_control._directives import directives
from perfkit.options import BadOption, Options

_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+*-]+(?:/[a-z0-9!#$&^_.+*-]+)?", re.ASCII)


class CacheRule(Options, frozen=True, kw_only=True):
    """What some responses get.

    Attributes:
        value: the value of Cache-Control.
        path: paths the rule is for, in which ``*`` stands for any characters.
        type: media types it is for, likewise: ``"text/html"``, ``"image/*"``. Parameters, as a charset, do not count.
    """

    value: str
    path: str = "*"
    type: str = "*"

    def __post_init__(self) -> None:
        directives(self.value)
        if not self.path.startswith(("/", "*")):
            raise BadOption("path", f"{self.path!r} is not a path", f"write for example '/{self.path or 'static/*'}'")
        if not _TYPE.fullmatch(self.type):
            mend = "write for example 'text/html' or 'image/*', in lower case"
            raise BadOption("type", f"{self.type!r} is not a media type", mend)


class CacheControlOptions(Options, frozen=True, kw_only=True):
    """Options of the section ``cache_control``.

    Attributes:
        rules: the rules; the first that fits a response counts.
    """

    rules: Annotated[tuple[CacheRule, ...], Meta(min_length=1)]
