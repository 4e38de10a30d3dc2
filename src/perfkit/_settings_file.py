"""Settings from TOML: ``perfkit.toml``, or ``[tool.perfkit]`` of ``pyproject.toml``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from perfkit.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

OWN_FILE: Final = "perfkit.toml"
PROJECT_FILE: Final = "pyproject.toml"


def read_file(directory: Path | None) -> tuple[Any, str | None]:
    """The settings of the directory, by default the working directory, and what to call the file they are in.

    An empty mapping and None where there are none.

    Raises:
        ConfigurationError: a file that cannot be read or is not TOML.
    """
    from pathlib import Path  # takes 5 ms to load

    directory = directory or Path()
    own = directory / OWN_FILE
    if own.is_file():
        return _parsed(own, _content(own)), str(own)
    project = directory / PROJECT_FILE
    if project.is_file():
        content = _content(project)
        # Most are not ours: no need to load a parser for them, or to refuse to start where it finds mistakes.
        if b"perfkit" in content:
            tools = _parsed(project, content).get("tool")
            if isinstance(tools, dict) and "perfkit" in tools:
                return tools["perfkit"], f"[tool.perfkit] of {project}"
    return {}, None


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(str(path), f"cannot be read: {error.strerror}", "let this user read it") from None


def _parsed(path: Path, content: bytes) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(str(path), f"is not UTF-8 (at line {line})", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(str(path), f"is not TOML: {error}", "correct it there") from None
