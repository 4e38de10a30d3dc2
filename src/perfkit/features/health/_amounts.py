"""How much of something there has to be: bytes, or a share of all."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from perfkit.options import BadOption

_AMOUNT: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b|(\d+(?:\.\d+)?)\s*%", re.IGNORECASE)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_EXAMPLE: Final = "write bytes as '500 MB' or '2 GiB', or a share as '5%'"


class Amount(NamedTuple):
    """Bytes, or a share of all there is.

    Attributes:
        text: as it was written.
        bytes: how many; None for a share.
        share: from 0 to 1; None for bytes.
    """

    text: str
    bytes: int | None
    share: float | None

    def of(self, total: int) -> int:
        """How many bytes that is, where there are so many in all."""
        return self.bytes if self.bytes is not None else round(total * (self.share or 0.0))


def amount(option: str, value: Any) -> Amount:
    """Read an amount; the option is for messages.

    Raises:
        BadOption: it is none.
    """
    if type(value) is int and value > 0:
        return Amount(str(value), value, None)
    match = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise BadOption(option, f"{value!r} is not an amount", _EXAMPLE)
    number, prefix, binary, percent = match.groups()
    if percent is not None:
        share = float(percent) / 100
        if not 0 < share <= 1:
            raise BadOption(option, f"{value!r} is no share of a whole", _EXAMPLE)
        return Amount(value.strip(), None, share)
    if float(number) == 0:
        raise BadOption(option, f"{value!r} is not above 0", _EXAMPLE)
    return Amount(value.strip(), round(float(number) * (1024 if binary else 1000) ** _POWERS[prefix.lower()]), None)


def told(size: float) -> str:
    """Bytes as one reads them: ``"12.3 GB"``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
