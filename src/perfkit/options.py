"""The options of a section: frozen values, checked once at start-up.

The pattern of every feature with options::

    class TimingOptions(Options, frozen=True, kw_only=True):
        header: str = "server-timing"


    class Timing(ConfiguredFeature[TimingOptions]):
        section = "timing"
        Options = TimingOptions

        def __init__(self, options: TimingOptions | None = None, /, **values: Any) -> None:
            super().__init__(options, **values)
            # self.options is checked from here on: compute what the hooks need
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar, cast

import msgspec

from perfkit.feature import Feature


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the options of one section, and of a nested group of options.

    Subclasses repeat ``frozen=True, kw_only=True``: type checkers do not inherit the first, nor msgspec the second.
    They annotate their options with types msgspec knows: ``bool``, ``int``, ``float``, ``str``, ``Literal``, ``dict``,
    ``tuple[str, ...]`` (not ``list``, which can change), other `Options`, unions of these with None, ``Callable``
    (alone or with None), and ``Annotated[int, msgspec.Meta(ge=1)]`` for a range. What types cannot say is checked in
    ``__post_init__``, which raises `BadOption`.

    Class attributes:
        secrets: names of options whose values appear in no repr and no error message.
    """

    secrets: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        values = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return [(name, _HIDDEN if name in self.secrets and value is not None else value) for name, value in values]

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({values})"


class BadOption(ValueError):  # noqa: N818 - reads well where it is raised
    """A value of the right type that cannot be used. Raise it from ``__post_init__`` of an `Options` subclass.

    `convert` makes a `ConfigurationError` of it, which names the full path of the setting.

    Args:
        option: the option, or a part of it: ``"header"``, ``"trusted_proxies[1]"``.
        problem: what is wrong, with the value unless it is a secret: ``"'a b' is not a token"``.
        mend: what to write instead, with an example: ``"write for example 'server-timing'"``.
    """

    def __init__(self, option: str, problem: str, mend: str) -> None:
        super().__init__(f"{option}: {problem}; {mend}")
        self.option = option
        self.problem = problem
        self.mend = mend


O = TypeVar("O", bound=Options)  # noqa: E741 - the letter options go by
T = TypeVar("T")


def convert(values: Mapping[str, Any] | Options, kind: type[O], path: str, *, strict: bool = True) -> O:
    """Check the options of one section.

    Args:
        values: option names and values. Options of the right kind are given back as they are.
        kind: the options class of the section.
        path: the section, for messages: ``"timing"``.
        strict: whether a text is refused where a number or a bool belongs. False for values from the environment,
            which are all text.

    Raises:
        ConfigurationError: naming the first setting that cannot be used, its value and the mend.
    """
    return values if isinstance(values, kind) else convert_value(values, kind, path, strict=strict)


def convert_value(value: Any, kind: type[T], path: str, *, strict: bool = True, secret: bool = False) -> T:
    """Check one value of any type that an option may have; see `convert`. No message shows a secret."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except (msgspec.ValidationError, UnicodeError):  # UnicodeError: a key with a lone surrogate
        # Imported late: finding the words takes modules that a program with good settings never needs.
        from perfkit._problems import explain

        # "from None", since msgspec's own message may show a secret.
        raise explain(value, kind, path, strict=strict, secret=secret) from None


_OptionsClass: TypeAlias = type[Options]


class ConfiguredFeature(Feature, Generic[O]):
    """A feature that has options: base of all features of perfkit, and open to yours.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``Timing(cpu=True)``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used.
        TypeError: both options and values are given.

    Class attributes:
        Options: the class of its options.
        enabled: whether it is part of the stack with no settings at all.

    Attributes:
        options: the options in effect.
    """

    Options: ClassVar[_OptionsClass]
    enabled: ClassVar[bool] = True

    def __init__(self, options: O | None = None, /, **values: Any) -> None:
        if options is not None and values:
            raise TypeError(f"{type(self).__name__} takes options or keyword values, not both")
        given = values if options is None else options
        self.options = cast("O", convert(given, self.Options, self.section))


class _Hidden:
    def __repr__(self) -> str:
        return "<hidden>"


_HIDDEN = _Hidden()
