"""Finding the setting that cannot be used. Imported only once there is one."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec
from msgspec import inspect

from perfkit._wording import ARRAY_TYPES, ARRAYS, Show, hide, mend_for, show, unknown, wrong_value
from perfkit.errors import ConfigurationError
from perfkit.options import BadOption


def explain(value: object, kind: Any, path: str, *, strict: bool = True, secret: bool = False) -> ConfigurationError:
    """Say why msgspec refuses this value for this type: the innermost setting at fault, its value and the mend.

    msgspec says it too, but with neither the key of a mapping, nor the value, nor a mend.
    """
    return _explain(_Value(value, kind, path, hide if secret else show), strict)


def below(path: str, key: object) -> str:
    """The path of a setting inside another."""
    return f"{path}.{key}" if isinstance(key, str) and key.isidentifier() else f"{path}[{show(key)}]"


class _Value(NamedTuple):
    """A value, the type it should have, where it stands and how messages show it."""

    value: Any
    kind: Any
    path: str
    show: Show = show


def _explain(it: _Value, strict: bool) -> ConfigurationError:
    kind = fitting(it.kind, it.value)
    if kind is None:
        return wrong_value(it.value, it.kind, it.path, it.show, strict=strict)
    found = _wrong_name(it.value, kind, it.path) if _is_struct(kind) else None
    if found is not None:
        return found
    for child in _children(it._replace(kind=kind)):
        if _refusal(child, strict) is not None:
            return _explain(child, strict)
    refusal = _refusal(it._replace(kind=kind), strict)
    if refusal is not None and refusal.__cause__ is not None:
        return _from_post_init(refusal.__cause__, it.path)
    return wrong_value(it.value, it.kind, it.path, it.show, strict=strict)


def _refusal(it: _Value, strict: bool) -> Exception | None:
    try:
        msgspec.convert(it.value, it.kind, strict=strict)
    except (msgspec.ValidationError, UnicodeError) as error:
        return error
    return None


def fitting(kind: Any, value: object) -> Any:
    """The type, or that member of a union, that has values inside where this value has some; None without any."""
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, types.UnionType):
        return next((member for each in get_args(kind) if (member := fitting(each, value)) is not None), None)
    if isinstance(value, Mapping):
        return kind if _is_struct(kind) or isinstance(inspect.type_info(kind), inspect.DictType) else None
    if isinstance(value, ARRAYS):
        return kind if isinstance(inspect.type_info(kind), ARRAY_TYPES) else None
    return None


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _wrong_name(value: Mapping[Any, Any], kind: Any, path: str) -> ConfigurationError | None:
    """The first key that is no option, or the first option that must be there and is not."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in value:
        if not isinstance(key, str):
            return ConfigurationError(path, f"{show(key)} is not the name of an option", unknown("", fields)[1])
        if key not in fields:
            return ConfigurationError(below(path, key), *unknown(key, fields))
    for name, field in fields.items():
        if field.required and name not in value:
            return ConfigurationError(below(path, name), "is missing", mend_for(field.type))
    return None


def _children(it: _Value) -> Iterable[_Value]:
    if _is_struct(it.kind):
        return _options_in(it)
    return _entries_in(it) if isinstance(it.value, Mapping) else _items_in(it)


def _options_in(it: _Value) -> Iterator[_Value]:
    secrets = getattr(it.kind, "secrets", ())  # a group may be a plain msgspec.Struct
    for field in msgspec.structs.fields(it.kind):
        if field.encode_name in it.value:
            shown = hide if field.name in secrets else it.show
            yield _Value(it.value[field.encode_name], field.type, below(it.path, field.encode_name), shown)


def _entries_in(it: _Value) -> Iterator[_Value]:
    key_kind, value_kind = get_args(it.kind) or (Any, Any)
    for key, value in it.value.items():
        yield _Value(key, key_kind, it.path, lambda each: f"the key {show(each)}")
        yield _Value(value, value_kind, below(it.path, key), it.show)


def _items_in(it: _Value) -> Iterator[_Value]:
    kinds: tuple[Any, ...] = get_args(it.kind) or (Any,)
    fixed = get_origin(it.kind) is tuple and kinds[-1] is not ...
    for index, (value, kind) in enumerate(zip(it.value, kinds if fixed else repeat(kinds[0]), strict=False)):
        yield _Value(value, kind, f"{it.path}[{index}]", it.show)


def _from_post_init(cause: BaseException, path: str) -> ConfigurationError:
    if isinstance(cause, BadOption):
        return ConfigurationError(f"{path}.{cause.option}", cause.problem, cause.mend)
    return ConfigurationError(path, str(cause), "change these options")
