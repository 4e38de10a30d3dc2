"""Security headers in views, whatever the framework: `perfkit.csp` as decorators, and the nonce for templates."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeAlias, TypeVar, cast

from perfkit import csp
from perfkit.csp import Nonce, Override

Options = ParamSpec("Options")
View = TypeVar("View", bound=Callable[..., Any])
# What a host shares with the application; None where no perfkit has seen the request, as in a unit test of a view.
Found: TypeAlias = dict[str, Any] | None
# Finds it by the arguments a view is called with.
SharedOf: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Found]


class Decorator(Protocol):
    """What takes a view and gives one of the same kind."""

    def __call__(self, view: View, /) -> View: ...


class Decorate(Protocol):
    """How a framework's view is wrapped so that the override is applied when it is called; see `applying`."""

    def __call__(self, view: View, override: Override, /) -> View: ...


class CspDecorators:
    """`perfkit.csp` as decorators of views: the same arguments and errors; the override is made once, and checked then.

    Of several the one nearest to the view counts last, and what the view itself applies after it. A request that has
    not come through perfkit's security headers is answered as if there were no decorator.
    """

    def __init__(self, decorate: Decorate) -> None:
        self._decorate = decorate
        self.extend = self._decorators(csp.extend)
        self.replace = self._decorators(csp.replace)
        self.off = self._decorators(csp.off)
        self.override = self._decorators(csp.override)

    def _decorators(self, make: Callable[Options, Override]) -> Callable[Options, Decorator]:
        @wraps(make)
        def decorator(*args: Options.args, **kwargs: Options.kwargs) -> Decorator:
            return self._decorator(make(*args, **kwargs))

        return decorator

    def _decorator(self, override: Override) -> Decorator:
        def decorator(view: View, /) -> View:
            if isinstance(view, type):
                raise TypeError(f"{view.__qualname__} is a class: decorate its methods, as in @csp.off() above def get")
            return self._decorate(view, override)

        return decorator


def applying(view: View, override: Override, shared_of: SharedOf) -> View:
    """The view with the override applied before it: what answers in its place, as an error handler, has it too."""

    def apply(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        shared = shared_of(args, kwargs)
        if shared is not None:
            override.apply(shared)

    # A callable that is only marked as a coroutine function may take either way: `wraps` copies the mark.
    if inspect.iscoroutinefunction(view):

        @wraps(view)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            apply(args, kwargs)
            return await view(*args, **kwargs)

        return cast("View", async_wrapper)

    @wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        apply(args, kwargs)
        return view(*args, **kwargs)

    return cast("View", wrapper)


def nonce_in(shared: Found) -> dict[str, Nonce | str]:
    """The nonce as templates get it, not yet made: ``{"csp_nonce": ...}``, empty where no security headers are on."""
    try:
        nonce: Nonce | str = "" if shared is None else shared["csp_nonce"]
    except KeyError:
        nonce = ""
    return {"csp_nonce": nonce}
