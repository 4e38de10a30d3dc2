"""What `RateLimit` tells of a request, as the fact ``rate_limit``."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

FACT: Final = "rate_limit"

Result: TypeAlias = Literal["allowed", "refused", "banned", "unavailable", "exempt"]


class Outcome(NamedTuple):
    """What became of a request.

    Attributes:
        result: ``"allowed"``; ``"refused"`` by a limit; ``"banned"``; ``"unavailable"``, where the store does not
            answer and a rule is closed then; ``"exempt"``, which no rule has counted.
        rules: names of the rules that counted it.
        refused: of those that refused it.
        shadow: of those in shadow mode that would have refused it.
        store_error: whether a store did not answer.
    """

    result: Result
    rules: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    shadow: tuple[str, ...] = ()
    store_error: bool = False


EXEMPT: Final = Outcome("exempt")
