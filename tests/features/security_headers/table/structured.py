"""What a parser of structured fields makes of a header (RFC 9651): one that perfkit has no part in."""

from __future__ import annotations

from typing import Any, Literal

import http_sf


def structured(value: str | None, kind: Literal["dictionary", "list", "item"]) -> Any:
    """The header, parsed; a text that is no structured field is an error."""
    return http_sf.parse((value or "").encode(), tltype=kind)
