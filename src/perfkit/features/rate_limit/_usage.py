"""What the application gets: ``shared["rate_limit"]``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from perfkit.exchange import Exchange, Reply
from perfkit.feature import Pending
from perfkit.options import convert

if TYPE_CHECKING:
    from perfkit.features.rate_limit._options import Rule

NAME: Final = "rate_limit"
# Options of a rule that may be functions, which are asked before the view is run.
OF_REQUESTS: Final = ("limits", "key", "cost")


class Late(NamedTuple):
    """What is to be settled when the response is over.

    Attributes:
        amount: units; below 0 to give back.
        rule: name of the rule; None for all that count something else than requests.
    """

    amount: int
    rule: str | None


class ViewRule:
    """A rule of a view, counted when the view is called; see `perfkit.starlette.rate_limit` and its like.

    Functions among the options are given the framework's request in place of the exchange, but for ``count_when``.

    Args:
        name: the name of the rule.
        limits: as in `Rule`.
        options: the others of `Rule`.

    Raises:
        ConfigurationError: an option that is unknown or cannot be used.
    """

    def __init__(self, name: str, limits: Any, options: Mapping[str, Any]) -> None:
        from perfkit.features.rate_limit._options import Rule

        given = {"name": name, "limits": limits, **options}
        for option in OF_REQUESTS:
            if option in given:
                given[option] = self._asking(given[option])
        self.rule: Rule = convert(given, Rule, NAME)
        key = self.rule.key
        self.by_user = key == "user" or (isinstance(key, list | tuple) and "user" in key)

    def _asking(self, value: Any) -> Any:
        """The same with functions that are given the exchange."""
        if isinstance(value, list | tuple):
            return [self._asking(each) for each in value]
        return (lambda exchange: value(exchange.state[self])) if callable(value) else value


class Usage:
    """What a request uses, for the application that serves it.

    Found as ``scope["perfkit"]["rate_limit"]``, ``environ["perfkit"]["rate_limit"]`` or, in Django,
    ``request.perfkit["rate_limit"]``.
    """

    def __init__(
        self,
        take: Callable[[Exchange, ViewRule, Any], Reply | Pending[Reply | None] | None],
        exchange: Callable[[], Any] | None,
    ) -> None:
        self._take = take
        self._exchange = exchange
        self.late: list[Late] = []

    @property
    def exchange(self) -> Any:
        """The exchange; None when it is over."""
        return None if self._exchange is None else self._exchange()

    def charge(self, amount: int, rule: str | None = None) -> None:
        """Take more for this request when its response is over, whether it is there or not.

        What is not there becomes a debt: the next requests are refused until it is paid by the time.

        Args:
            amount: units; below 0 to give back.
            rule: the name of the rule; by default all that count something else than requests (`Rule.unit`).
        """
        if type(amount) is not int:
            raise TypeError(f"{amount!r} is not a whole number of units")
        self.late.append(Late(amount, rule))

    def take(self, rule: ViewRule, request: Any) -> Reply | Pending[Reply | None] | None:
        """Count the request by the rule of a view; gives the answer where it is refused."""
        exchange = self.exchange
        return None if exchange is None else self._take(exchange, rule, request)
