"""The settings: sections of options, from code, a file and the environment.

A section is a mapping of options, True for the defaults, or False to turn the feature off. A feature without a section
is on or off as its entry in `perfkit.features` says. One that is off is never imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from perfkit._environment import Override, overridden, overrides
from perfkit._settings_file import read_file
from perfkit.client import ClientOptions, ClientTrust, InternalOptions
from perfkit.errors import ConfigurationError
from perfkit.feature import Feature
from perfkit.features import FEATURES
from perfkit.options import Options, convert

if TYPE_CHECKING:
    from pathlib import Path

_FEATURES: Final = {entry.section: entry for entry in FEATURES}
_SHARED: Final[Mapping[str, type[Options]]] = {"client": ClientOptions, "internal": InternalOptions}

# The sections that belong to no feature.
SHARED_SECTIONS: Final = tuple(_SHARED)


class _Sections(Mapping[str, type[Options]]):
    """The class of the options of each section. The names are known; asking for a class imports its feature."""

    def __getitem__(self, name: str) -> type[Options]:
        return _SHARED[name] if name in _SHARED else _FEATURES[name].load().Options

    def __iter__(self) -> Iterator[str]:
        yield from _FEATURES
        yield from _SHARED

    def __len__(self) -> int:
        return len(_FEATURES) + len(_SHARED)

    def __contains__(self, name: object) -> bool:
        return name in _FEATURES or name in _SHARED


# Every section, outermost feature first and shared ones last, with the class of its options.
SECTIONS: Final = _Sections()


class Settings:
    """Checked settings. They do not change, and any number of stacks can be made of them.

    Args:
        mapping: sections by name. Nothing else is looked at: see `load` for files and the environment.

    Raises:
        ConfigurationError: on the first setting that cannot be used.

    Attributes:
        sections: the options in effect, by section, outermost feature first and shared sections last; None for a
            feature that is off.
        sources: the file and the environment variables that had a say.
        trust: who may speak for a client, and who may see internals.
    """

    __slots__ = ("sections", "sources", "trust")

    sections: Mapping[str, Options | None]
    sources: tuple[str, ...]
    trust: ClientTrust

    def __init__(self, mapping: Mapping[str, Any] | None = None) -> None:
        self._fill(_Given({} if mapping is None else mapping))

    @classmethod
    def load(
        cls,
        mapping: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        directory: Path | None = None,
    ) -> Settings:
        """Settings as a host finds them.

        Args:
            mapping: sections by name. None for those of ``perfkit.toml`` or, if there is no such file, those of
                ``[tool.perfkit]`` in ``pyproject.toml``; the two are not merged.
            environ: variables such as PERFKIT_TIMING__CPU, which override what mapping or file say.
            directory: where the files are; by default the working directory.

        Raises:
            ConfigurationError: on the first setting that cannot be used. Names the file or the variable that sets it.
        """
        settings = cls.__new__(cls)
        settings._fill(_gather(mapping, environ, directory))
        return settings

    @staticmethod
    def problems(
        mapping: Mapping[str, Any] | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        directory: Path | None = None,
    ) -> list[ConfigurationError]:
        """What keeps `load` from working: the first problem of each section and each variable."""
        try:
            given = _gather(mapping, environ, directory)
        except ConfigurationError as error:
            return [error]
        sections, problems = _check(given)
        for section, options in sections.items():
            try:
                _built(section, options)
            except ConfigurationError as error:
                problems.append(given.located(error))
        return problems

    def features(self) -> list[Feature]:
        """The features that are on, outermost first; new ones with each call."""
        built = (_built(section, options) for section, options in self.sections.items())
        return [feature for feature in built if feature is not None]

    def __repr__(self) -> str:
        sections = (f"{name}={False if options is None else options!r}" for name, options in self.sections.items())
        return f"Settings({', '.join(sections)})"

    def _fill(self, given: _Given) -> None:
        sections, problems = _check(given)
        if problems:
            raise problems[0]
        set_once = super().__setattr__
        set_once("sections", MappingProxyType(sections))
        set_once("sources", given.sources)
        set_once("trust", ClientTrust(sections["client"], sections["internal"]))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"settings do not change: make others instead of setting {name!r}")


def resolve(settings: Settings | Mapping[str, Any] | None) -> Settings:
    """Settings as they are; a mapping or None as `Settings.load` takes it."""
    return settings if isinstance(settings, Settings) else Settings.load(settings)


class _Given(NamedTuple):
    """Settings before the check, and where they come from.

    Attributes:
        values: the sections; may be anything.
        file: what to call the file, if they come from one.
        variables: the environment variables, by the setting each one sets.
        problems: variables that cannot be used.
    """

    values: Any
    file: str | None = None
    variables: dict[str, str] = {}  # noqa: RUF012 - never changed
    problems: tuple[ConfigurationError, ...] = ()

    @property
    def sources(self) -> tuple[str, ...]:
        return (*([self.file] if self.file else []), *self.variables.values())

    def located(self, error: ConfigurationError) -> ConfigurationError:
        """The error with the variable or the file that sets what it is about."""
        about = error.setting.replace("['", ".").replace("']", "")
        for setting, variable in reversed(self.variables.items()):  # inner settings first
            if about == setting or about.startswith((f"{setting}.", f"{setting}[")):
                return _told(error, f"set by {variable}")
        return error if self.file is None else _told(error, f"in {self.file}")


def _told(error: ConfigurationError, where: str) -> ConfigurationError:
    return ConfigurationError(error.setting, f"{error.problem} ({where})", error.mend)


def _gather(mapping: Any, environ: Mapping[str, str], directory: Path | None) -> _Given:
    values, file = (mapping, None) if mapping is not None else read_file(directory)
    found = list(overrides(environ, SECTIONS))
    used = [each for each in found if isinstance(each, Override)]
    problems = tuple(each for each in found if isinstance(each, ConfigurationError))
    if isinstance(values, Mapping):
        values = overridden(values, used)
    return _Given(values, file, {".".join(each.keys): each.variable for each in used}, problems)


def _check(given: _Given) -> tuple[dict[str, Any], list[ConfigurationError]]:
    """The options of each section, and what is wrong."""
    if not isinstance(given.values, Mapping):
        return {}, [given.located(_bad_settings(given.values))]
    sections: dict[str, Any] = {}
    problems = list(given.problems)
    problems.extend(given.located(_unknown_section(name)) for name in given.values if name not in SECTIONS)
    for name in SECTIONS:
        try:
            sections[name] = _section(name, given.values.get(name, _ABSENT))
        except ConfigurationError as error:
            problems.append(given.located(error))
    return sections, problems


_ABSENT: Final = object()


def _section(name: str, value: object) -> Options | None:
    feature = _FEATURES.get(name)
    if value is _ABSENT:
        value = feature is None or feature.enabled
    if value is False and feature is not None:
        return None
    kind = SECTIONS[name]
    if value is True:
        value = {}
    if isinstance(value, Mapping | Options):
        return convert(value, kind, name)
    raise _bad_section(value, kind, name)


def _bad_settings(value: object) -> ConfigurationError:
    from perfkit._wording import with_article

    problem = f"{with_article(type(value).__name__)} is not a mapping of sections"
    return ConfigurationError("settings", problem, "write for example {'timing': True}")


def _bad_section(value: object, kind: type[Options], name: str) -> ConfigurationError:
    from perfkit._wording import hide, show

    shown = (hide if kind.secrets else show)(value)
    if name in SHARED_SECTIONS:
        return ConfigurationError(name, f"{shown} is not a mapping of options", "write a mapping, or leave it out")
    mend = "write True for the defaults, False to turn it off, or a mapping of options"
    return ConfigurationError(name, f"{shown} is not True, False or a mapping of options", mend)


def _unknown_section(name: object) -> ConfigurationError:
    from perfkit._wording import show, unknown

    if not isinstance(name, str):
        return ConfigurationError("settings", f"{show(name)} is not the name of a section", unknown("", SECTIONS)[1])
    return ConfigurationError(name, *unknown(name, SECTIONS, "section"))


def _built(section: str, options: Options | None) -> Feature | None:
    feature = _FEATURES.get(section)
    return None if feature is None or options is None else feature.load()(options)
