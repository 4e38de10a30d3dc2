"""The words of a `ConfigurationError`. Imported only once there is one."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from msgspec import inspect

from perfkit.errors import ConfigurationError

Show: TypeAlias = Callable[[object], str]

# Long enough for an address, a pattern or a header; short enough for one line of a log.
_REPR: Final = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80

ARRAYS: Final = (list, tuple, set, frozenset)
ARRAY_TYPES: Final = (
    inspect.ListType,
    inspect.SetType,
    inspect.FrozenSetType,
    inspect.VarTupleType,
    inspect.TupleType,
)
# Per type: what it is called, and what one writes for it.
_NAMES: Final[dict[type[inspect.Type], tuple[str, str]]] = {
    inspect.IntType: ("an int", "a whole number"),
    inspect.FloatType: ("a float", "a number"),
    inspect.StrType: ("a str", "a text"),
    inspect.NoneType: ("None", "None"),
    inspect.DictType: ("a mapping", "a mapping"),
    inspect.StructType: ("a mapping", "a mapping of options"),
    **dict.fromkeys(ARRAY_TYPES, ("a list", "a list")),
}
# Types whose values may be refused for more than their type: a range, a length, a pattern.
_RANGED: Final[dict[type[inspect.Type], tuple[type, ...]]] = {
    inspect.IntType: (int,),
    inspect.FloatType: (int, float),
    inspect.StrType: (str,),
    inspect.DictType: (Mapping,),
    **dict.fromkeys(ARRAY_TYPES, ARRAYS),
}
_BOUNDS: Final = {
    "ge": "of at least {}",
    "gt": "above {}",
    "le": "of at most {}",
    "lt": "below {}",
    "multiple_of": "that is a multiple of {}",
    "min_length": "of length {} or more",
    "max_length": "of length {} or less",
    "pattern": "that matches the pattern {!r}",
}


def show(value: object) -> str:
    """A value as a message shows it: its repr, shortened."""
    return _REPR.repr(value)


def hide(_: object) -> str:
    """A secret as a message shows it."""
    return "the value, not shown here,"


def unknown(name: str, known: Iterable[str], what: str = "option") -> tuple[str, str]:
    """Problem and mend for a name that is none of the known ones."""
    known = sorted(known)
    mend = f"use one of: {', '.join(known)}" if known else "remove it: there is nothing to set here"
    return f"unknown {what}", did_you_mean(name, known) or mend


def closest(name: object, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that is closest to this one, if one is close."""
    return next(iter(difflib.get_close_matches(str(name).lower(), list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(name: object, known: Iterable[str]) -> str | None:
    """A mend that names the known name closest to this one, if one is close."""
    close = closest(name, known)
    return None if close is None else f"did you mean {close!r}?"


def wrong_value(value: object, kind: Any, path: str, shown_by: Show, *, strict: bool) -> ConfigurationError:
    """The error for a value that is wrong in itself, not in something inside it."""
    members = _members(inspect.type_info(kind))
    shown = shown_by(value)
    mend = _mend_of_text(value, members) if isinstance(value, str) and shown_by is show else None
    mend = mend or _mend(members)
    if any(_is_a(value, member) for member in members):
        return ConfigurationError(path, f"{shown} is not allowed", mend)
    names = _alternatives(called for member in members for called, _ in _names(member))
    # Not told where the type is not what is wrong: texts from the environment may stand for anything.
    choice = any(isinstance(value, type(each)) for member in members for each in _choices(member))
    told = strict and value is not None and not choice
    problem = f"{shown} is {with_article(type(value).__name__)}, not {names}" if told else f"{shown} is not {names}"
    return ConfigurationError(path, problem, mend)


def _mend_of_text(text: str, members: Iterable[inspect.Type]) -> str | None:
    """A mend made of the text itself: the choice it is close to, or a list of it."""
    close = did_you_mean(text, [each for member in members for each in _choices(member) if isinstance(each, str)])
    if close is None and any(isinstance(member, ARRAY_TYPES) for member in members):
        return f"write a list: [{show(text)}]"
    return close


def mend_for(kind: Any) -> str:
    """What to write for a value of this type."""
    return _mend(_members(inspect.type_info(kind)))


def _members(expected: inspect.Type) -> tuple[inspect.Type, ...]:
    return expected.types if isinstance(expected, inspect.UnionType) else (expected,)


def _choices(member: inspect.Type) -> list[Any]:
    """The values to choose from, where the type is a choice."""
    if isinstance(member, inspect.LiteralType):
        return sorted(member.values, key=repr)
    return [each.value for each in member.cls] if isinstance(member, inspect.EnumType) else []


def _is_a(value: object, member: inspect.Type) -> bool:
    """Whether the value is of this type, so that only its range can be wrong."""
    return isinstance(value, _RANGED.get(type(member), ())) and not isinstance(value, bool)


def _names(member: inspect.Type) -> Iterable[tuple[str, str]]:
    """What a type is called, and what one writes for it; a pair for each of its values where they are few."""
    choices = _choices(member)
    if choices:
        return [(repr(choice), repr(choice)) for choice in choices]
    if isinstance(member, inspect.BoolType):
        return [("a bool", "True"), ("a bool", "False")]
    kind = getattr(member, "cls", type(member))
    name = "a callable" if kind is Callable else with_article(kind.__name__.removesuffix("Type"))
    called, written = _NAMES.get(type(member), (name, name))
    return [(called, written + _range(member))]


def _mend(members: Iterable[inspect.Type]) -> str:
    return f"write {_alternatives(written for member in members for _, written in _names(member))}"


def _range(member: inspect.Type) -> str:
    if isinstance(member, inspect.TupleType):
        return f" of {len(member.item_types)}"
    bounds = ((text, getattr(member, name, None)) for name, text in _BOUNDS.items())
    words = [text.format(bound) for text, bound in bounds if bound is not None]
    return f" {' and '.join(words)}" if words else ""


def _alternatives(words: Iterable[str]) -> str:
    *most, last = dict.fromkeys(words)
    return f"{', '.join(most)} or {last}" if most else last


def with_article(noun: str) -> str:
    """The noun with "a" or "an" before it."""
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"
