"""The command: ``perfkit demo`` and ``perfkit config``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from perfkit.errors import ConfigurationError
from perfkit.settings import SHARED_SECTIONS, Settings
from perfkit.stack import Stack

# Exit status for a command that cannot do its work as things are, as argparse has it for bad arguments.
UNUSABLE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except ConfigurationError as error:
        print(f"perfkit: {error}", file=sys.stderr)
        return UNUSABLE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="perfkit", description="Makes a web application fast, safe and observable.")
    commands = parser.add_subparsers(required=True, metavar="command")
    demo = commands.add_parser("demo", help="serve an example application and show what perfkit changes")
    demo.add_argument("--port", type=int, default=8000, help="where to serve; 0 for any free port (default: 8000)")
    demo.add_argument("--once", action="store_true", help="stop after the comparison instead of serving on")
    demo.set_defaults(run=_demo)
    config = commands.add_parser(
        "config",
        help="print the effective stack, in order",
        description="Prints the features in force, outermost first, with their options. Reads the PERFKIT setting of "
        "the Django project that DJANGO_SETTINGS_MODULE names; without one, perfkit.toml or [tool.perfkit] in the "
        "working directory. The environment counts in both.",
    )
    config.set_defaults(run=_config)
    return parser


def _demo(options: argparse.Namespace) -> int:
    try:
        from perfkit import _demo as demo
    except ModuleNotFoundError as error:
        print(f"perfkit demo needs {error.name}: pip install 'perfkit[demo]'", file=sys.stderr)
        return UNUSABLE
    return demo.run(port=options.port, once=options.once)


def _config(_: argparse.Namespace) -> int:
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    try:
        settings = _project_settings() if module else Settings.load()
    except ImportError as error:
        print(f"perfkit: DJANGO_SETTINGS_MODULE is {module!r}, which cannot be imported: {error}", file=sys.stderr)
        return UNUSABLE
    sources = [*([f"PERFKIT in {module}"] if module else []), *settings.sources]
    print(f"Settings from {', '.join(sources) or 'the defaults'}.")
    print("\n".join(_described(settings)))
    return 0


def _project_settings() -> Settings:
    sys.path.insert(0, str(Path.cwd()))  # where manage.py would find the project
    from perfkit.django.conf import project_settings

    return project_settings()


def _described(settings: Settings) -> Iterator[str]:
    features = Stack.from_settings(settings).features
    yield "The stack, outermost first:"
    for number, feature in enumerate(features, start=1):
        yield from _section(f"{number}  {feature.section}", settings.sections[feature.section])
    yield f"  {len(features) + 1}  the application"
    off = [name for name, options in settings.sections.items() if options is None]
    if off:
        yield f"Off: {', '.join(off)}"
    yield "Shared:"
    for name in SHARED_SECTIONS:
        yield from _section(f"-  {name}", settings.sections[name])


def _section(title: str, options: Any) -> Iterator[str]:
    yield f"  {title}"
    for name, value in options.__rich_repr__():
        yield f"       {name} = {value!r}"
