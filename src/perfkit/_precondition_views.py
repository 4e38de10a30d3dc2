"""Preconditions in views, whatever the framework: the decorator `precondition`, decided before the view is run."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import wraps
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar, cast

from perfkit._precondition_guard import (
    FAILED,
    Call,
    ETag,
    Guard,
    LastModified,
    checked_seconds,
    checked_tag,
    validators_of,
)
from perfkit._preconditions import READING

View = TypeVar("View", bound=Callable[..., Any])


class Decorator(Protocol):
    """What takes a view and gives one of the same kind."""

    def __call__(self, view: View, /) -> View: ...


class Step(NamedTuple):
    """Something to call on the way, which may have to be awaited."""

    function: Callable[..., Any]
    positional: tuple[Any, ...]
    named: Mapping[str, Any]

    def __call__(self) -> Any:
        return self.function(*self.positional, **self.named)


Steps: TypeAlias = Generator[Step, Any, Any]


class GuardedView(ABC):
    """A view that runs only if the preconditions of its request allow it; one subclass for each framework."""

    def __init__(self, view: Callable[..., Any], guard: Guard) -> None:
        self.view = view
        self.guard = guard

    def decorated(self) -> Callable[..., Any]:
        """What stands in the place of the view, of the same kind."""
        if self.is_async(self.view):

            @wraps(self.view)
            async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
                return await self._finish_async(self._steps(args, kwargs))

            return async_wrapper

        @wraps(self.view)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return self._finish(self._steps(args, kwargs))

        return wrapper

    def _steps(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
        guard, call = self.guard, self.call(args, kwargs)
        view = Step(self.view, args, self.own(kwargs))
        if call is None:  # no request, as in a unit test of the view
            return (yield view)
        if guard.lacks(call):
            return self.refusal(call, 428, guard.how)
        if not guard.concerns(call):
            return (yield view)
        etag = checked_tag((yield _step(guard.etag, call)) if callable(guard.etag) else guard.etag)
        moment = (yield _step(guard.last_modified, call)) if callable(guard.last_modified) else guard.last_modified
        status = guard.status(call, etag, checked_seconds(moment))
        if status == 412:
            return self.refusal(call, 412, FAILED)
        headers = validators_of(etag, moment)
        if status == 304:
            return self.not_modified(call, headers)
        response = yield view
        # What it was before is not what a change has made of it.
        return self.with_headers(call, response, headers) if headers and call.method in READING else response

    def _finish(self, steps: Steps) -> Any:
        """Go through the steps where one may block."""
        step = _next(steps, None)
        while isinstance(step, Step):
            result = step()
            if inspect.isawaitable(result):
                result = self.block(result)
            step = _next(steps, result)
        return step.value

    async def _finish_async(self, steps: Steps) -> Any:
        """Go through the steps on an event loop."""
        step = _next(steps, None)
        while isinstance(step, Step):
            result = step() if self.is_async(step.function) else await self.on_thread(step)
            if inspect.isawaitable(result):
                result = await result
            step = _next(steps, result)
        return step.value

    # What a framework has to say

    def is_async(self, function: Callable[..., Any]) -> bool:
        """Whether it has to be awaited."""
        return inspect.iscoroutinefunction(function)

    def own(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """What of these is for the view."""
        return kwargs

    @abstractmethod
    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        """What the view is called with; None where there is no request."""

    @abstractmethod
    def refusal(self, call: Call, status: int, text: str) -> Any:
        """Answer 412 or 428 as the framework answers errors; may raise."""

    @abstractmethod
    def not_modified(self, call: Call, headers: Mapping[str, str]) -> Any:
        """Answer 304."""

    @abstractmethod
    def with_headers(self, call: Call, response: Any, headers: Mapping[str, str]) -> Any:
        """The view's response, with these headers if it is a success and has none of its own."""

    @abstractmethod
    def block(self, awaitable: Awaitable[Any]) -> Any:
        """Wait for it on this thread."""

    @abstractmethod
    async def on_thread(self, step: Step) -> Any:
        """Call what may block, from an event loop."""


class Precondition(Protocol):
    """The decorator; see `precondition_for`."""

    def __call__(
        self, *, etag: ETag = None, last_modified: LastModified = None, require: bool = False
    ) -> Decorator: ...


def precondition_for(kind: type[GuardedView]) -> Precondition:
    """The decorator of one framework."""

    def precondition(*, etag: ETag = None, last_modified: LastModified = None, require: bool = False) -> Decorator:
        """Decide by the If-* headers of a request before the view is run.

        A change that was made for an older version never happens (412), and what the client has already is not worked
        out again (304). Answers to GET and HEAD get the ETag and the Last-Modified, unless the view sets its own.

        Args:
            etag: the resource's entity tag, or what gives it: a function, which may be a coroutine function. It is
                called as the view is, with those of the named arguments that it asks for. It gives the tag, with or
                without quotes, or None where the resource does not exist.
            last_modified: when the resource was last changed, or what gives it, likewise: a datetime (in UTC where it
                names no time zone), seconds since 1970, or None.
            require: whether a request that changes something has to be conditional; it is answered with 428 if not.

        Raises:
            TypeError: neither `etag` nor `last_modified` is given, or the wrong type, or what is decorated is a class.
            ValueError: an entity tag with blanks or quotes in it.
        """
        guard = Guard(etag, last_modified, require=require)

        def decorator(view: View, /) -> View:
            if isinstance(view, type):
                raise TypeError(f"{view.__qualname__} is a class: decorate its methods")
            return cast("View", kind(view, guard).decorated())

        return decorator

    return precondition


class _Done(NamedTuple):
    value: Any


def _next(steps: Steps, result: Any) -> Step | _Done:
    try:
        return steps.send(result)
    except StopIteration as stop:
        return _Done(stop.value)


def _step(function: Callable[..., Any], call: Call) -> Step:
    names = asked_for(function)
    named = call.named if names is None else {name: call.named[name] for name in names if name in call.named}
    return Step(function, call.positional, named)


def asked_for(function: Callable[..., Any]) -> tuple[str, ...] | None:
    """The names of the parameters; None where it takes any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some functions written in C have none
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return tuple(parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY)
