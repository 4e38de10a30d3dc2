"""Settings from environment variables: ``PERFKIT_SECTION__OPTION=text``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, get_args, get_origin

import msgspec

from perfkit.errors import ConfigurationError
from perfkit.options import Options, convert_value

PREFIX: Final = "PERFKIT_"

# What people write for a bool; msgspec knows only some of it.
_BOOLS: Final = {**dict.fromkeys(("true", "yes", "on", "1"), True), **dict.fromkeys(("false", "no", "off", "0"), False)}


class Override(NamedTuple):
    """What one variable sets.

    Attributes:
        variable: its name.
        keys: where the value belongs: section, option, and so on inwards.
        value: the value, of the type of the option.
    """

    variable: str
    keys: tuple[str, ...]
    value: Any


def overrides(
    environ: Mapping[str, str], sections: Mapping[str, type[Options]]
) -> Iterator[Override | ConfigurationError]:
    """What the variables set, outer settings before those inside them; errors for those that cannot be used."""
    names = [name for name in environ if name.startswith(PREFIX)]
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        try:
            override = _override(name, environ[name], sections)
        except ConfigurationError as error:
            yield ConfigurationError(error.setting, f"{error.problem} (set by {name})", error.mend)
        else:
            if override is not None:
                yield override


def overridden(values: Mapping[str, Any], by: Iterable[Override]) -> dict[str, Any]:
    """The values with those of the variables in their places; nothing in the given values is changed.

    What is False stays off, whatever a variable sets inside it: services that share an environment may each turn off
    what they do not want. True turns a section on and keeps its options.
    """
    result = dict(values)
    for override in by:
        *outer, last = override.keys
        target: dict[str, Any] | None = result
        for key in outer:
            target = None if target is None else _open(target, key)
        if target is not None and not (override.value is True and not outer and _is_on(result.get(last))):
            target[last] = override.value
    return result


def _open(target: dict[str, Any], key: str) -> dict[str, Any] | None:
    """Make what stands at the key a new dict to write in; None for what has no room for options."""
    value = target.get(key, True)
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    if not _is_on(value):
        return None
    target[key] = dict(value) if isinstance(value, Mapping) else {}
    opened: dict[str, Any] = target[key]
    return opened


def _is_on(value: object) -> bool:
    return value is True or isinstance(value, Mapping | msgspec.Struct)


def _override(name: str, text: str, sections: Mapping[str, type[Options]]) -> Override | None:
    keys = tuple(name.removeprefix(PREFIX).lower().split("__"))
    section, *inner = keys
    if section not in sections:
        meant = _meant(section, inner, sections)
        if meant is not None:
            mend = f"did you mean {PREFIX}{'__'.join(meant).upper()}?"
            raise ConfigurationError(".".join(keys), f"there is no section {section!r}", mend)
        if inner:
            from perfkit._wording import unknown

            raise ConfigurationError(".".join(keys), *unknown("", sections, "section"))
        return None
    if not inner and text.lower() in _BOOLS:  # which says nothing of options: a feature that is off is not imported
        return Override(name, keys, _BOOLS[text.lower()])
    options = sections[section]
    kind: Any = options if inner else bool | options
    path = section
    secret = bool(options.secrets)
    for key in inner:
        kind, path, secret = _inside(kind, path, key)
    return Override(name, keys, _decoded(text, kind, path, secret))


def _meant(section: str, inner: list[str], sections: Mapping[str, type[Options]]) -> list[str] | None:
    """What a variable most likely means whose section there is not; None where it may be about something else.

    Not every variable with our prefix is ours: orchestrators set some for a service called perfkit (Kubernetes:
    PERFKIT_PORT, PERFKIT_SERVICE_HOST). Without ``__``, only what is close to a section, or to a section and one of its
    options, is taken for a slip.
    """
    from perfkit._wording import closest

    for known in sections:
        if not inner and section.startswith(f"{known}_"):
            option = closest(section.removeprefix(f"{known}_"), sections[known].__struct_fields__, cutoff=0.8)
            return None if option is None else [known, option]
    close = closest(section, sections, cutoff=0.6 if inner else 0.8)
    return None if close is None else [close, *inner]


def _inside(kind: Any, path: str, key: str) -> tuple[Any, str, bool]:
    """Type and path of what the key names inside a setting of this type, and whether it is a secret."""
    from perfkit._problems import below, fitting
    from perfkit._wording import unknown

    inner = fitting(kind, {})
    if inner is None:
        raise ConfigurationError(
            path, f"it has nothing inside that is called {key!r}", "remove the last '__' and the rest"
        )
    path = below(path, key)
    if not issubclass(get_origin(inner) or inner, msgspec.Struct):
        return (get_args(inner) or (Any, Any))[1], path, False
    fields = {field.encode_name: field.type for field in msgspec.structs.fields(inner)}
    if key not in fields:
        raise ConfigurationError(path, *unknown(key, fields))
    return fields[key], path, key in getattr(inner, "secrets", ())


def _decoded(text: str, kind: Any, path: str, secret: bool) -> Any:
    """The text as a value of this type: as it is where the option may be a text."""
    from perfkit._problems import fitting

    listed = fitting(kind, []) is not None
    if text[:1] in ("[", "{") and (listed or fitting(kind, {}) is not None):
        return convert_value(_json(text, path), kind, path, secret=secret)
    lowered = text.lower()
    readings: list[Any] = [text, *([_BOOLS[lowered]] if lowered in _BOOLS else [])]
    if listed:
        readings.append([entry for each in text.split(",") if (entry := each.strip())])
    for reading in readings:
        try:
            return msgspec.convert(reading, kind, strict=False)
        except (msgspec.ValidationError, UnicodeError):
            pass
    # Nothing fits: let the message be about the list, or the number, where it is meant to be one.
    return convert_value(readings[-1] if listed else _number(text), kind, path, strict=False, secret=secret)


def _number(text: str) -> Any:
    try:
        return msgspec.convert(text, int | float, strict=False)
    except (msgspec.ValidationError, UnicodeError):
        return text


def _json(text: str, path: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise ConfigurationError(path, f"it starts like JSON, but {error}", "correct it") from None
