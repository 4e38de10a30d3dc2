"""What a check may give, and what it means.

The words are those of draft-inadarei-api-health-check-06 section 3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

Status: TypeAlias = Literal["pass", "warn", "fail"]

STATUSES: Final[tuple[Status, ...]] = get_args(Status)

# Longer than what one reads of an error, shorter than a page of HTML that a broken service answers with.
MAX_LENGTH: Final = 300
# What is looked at of a message to begin with.
MAX_MESSAGE: Final = 10_000

# What stands before the host in a URL, and the usual names of secrets in connection strings.
_USER: Final = re.compile(r"(?<=://)\S*@")
_SECRET: Final = re.compile(
    r"\b(password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key)(\s*[=:]\s*)"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;&]+)",
    re.IGNORECASE,
)
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Result:
    """What a check gives where None, True, False and a text do not say enough.

    Args:
        status: ``"pass"``, ``"warn"`` (usable, but somebody should look) or ``"fail"``.
        output: a few words for those who may see details. No secrets: it is shown as it is.

    Raises:
        ValueError: another status, or an output that is no text.
    """

    status: Status
    output: str | None = None

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise ValueError(f"{self.status!r} is not a status; write 'pass', 'warn' or 'fail'")
        if self.output is not None and not isinstance(self.output, str):
            raise ValueError(f"the output is {type(self.output).__name__}, not a text; write a text, or None")


class Outcome(NamedTuple):
    """What a check came to.

    Attributes:
        status: how it stands.
        output: what may be shown with the details: words of the check's own, or the type of an exception.
        message: what an exception says, where it was one. It may have more in it than should be shown.
    """

    status: Status
    output: str | None = None
    message: str | None = None


PASSED: Final = Outcome("pass")


def outcome_of(value: object) -> Outcome:
    """What a check means by what it gave."""
    if value is None or value is True:
        return PASSED
    if value is False:
        return Outcome("fail")
    if isinstance(value, str):
        return Outcome("fail", shown(value) or None)
    if isinstance(value, Result):
        return Outcome(value.status, None if value.output is None else shown(value.output))
    return Outcome("fail", f"it gave {_kind(value)}, not None, True, False, a text or a Result")


def failed(error: BaseException, secrets: Iterable[str] = ()) -> Outcome:
    """What an exception means.

    Args:
        error: what the check raised.
        secrets: texts that its message must not show.
    """
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - a broken __str__ says nothing
        message = ""
    return Outcome("fail", shown(type(error).__name__), shown(_masked(message[:MAX_MESSAGE], secrets)) or None)


def shown(text: str) -> str:
    """A text as one short line that JSON can hold: no lone surrogates, which UTF-8 has no bytes for."""
    line = _SPACE.sub(" ", text[: 2 * MAX_LENGTH].encode("utf-8", "replace").decode("utf-8")).strip()
    return line if len(line) <= MAX_LENGTH else f"{line[: MAX_LENGTH - 3]}..."


def _masked(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return _SECRET.sub(r"\1\2***", _USER.sub("***@", text))


def _kind(value: object) -> str:
    close = getattr(value, "close", None)
    if hasattr(value, "__await__") and callable(close):
        close()  # a coroutine that nobody awaits, of which Python would warn
        return "a coroutine: write the check with 'async def'"
    return type(value).__name__
