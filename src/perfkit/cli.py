"""The command: ``perfkit demo``, ``perfkit config``, ``perfkit check``, ``perfkit limits`` and ``perfkit alerts``."""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from perfkit.errors import ConfigurationError
from perfkit.options import BadOption
from perfkit.settings import SHARED_SECTIONS, Settings
from perfkit.stack import Stack

# Exit status for a command that cannot do its work as things are, as argparse has it for bad arguments.
UNUSABLE = 2


class CommandError(Exception):
    """The command cannot do its work as things are."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    options = _parser().parse_args(arguments)
    try:
        status: int = options.run(options)
    except (CommandError, ConfigurationError) as error:
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
    check = commands.add_parser(
        "check",
        help="grade what a page sends, and say what would improve it",
        description="Fetches a page, prints its headers and grades them by the rules of the MDN HTTP Observatory, with "
        "the setting that would mend each fault. Exit status: 0 for the wanted grade or a better one, 1 for a worse "
        "one, 2 for a page that cannot be fetched.",
    )
    check.add_argument("--headers", metavar="URL", required=True, help="the page to grade")
    check.add_argument("--minimum", metavar="GRADE", default="A", help="the grade wanted, as in B+ (default: A)")
    check.add_argument("--timeout", metavar="SECONDS", type=float, default=10, help="for each request (default: 10)")
    check.set_defaults(run=_check)
    _add_limits(commands.add_parser("limits", help="show what a shared rate limit store has counted, or reset it"))
    alerts = commands.add_parser(
        "alerts",
        help="print alerting rules for Prometheus",
        description="Prints a file of alerting rules for the series of the metrics: those for every application, and "
        "those for the thresholds of the settings, which are found as `perfkit config` finds them.",
    )
    alerts.add_argument("--job", metavar="NAME", help="the application's job in Prometheus (default: all jobs)")
    alerts.set_defaults(run=_alerts)
    return parser


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Shows what a store on Redis or Valkey has counted, or resets it. Namespace, secret and address prefixes are "
        "those of the settings, which are found as `perfkit config` finds them."
    )
    actions = parser.add_subparsers(required=True, metavar="action", dest="action")
    for action, text in (("show", "how many keys there are, or how one stands"), ("reset", "forget what was taken")):
        command = actions.add_parser(action, help=text)
        command.add_argument("uri", metavar="URI", help="the store, as in redis://localhost:6379/0")
        command.add_argument("--namespace", help="of the keys (default: that of the settings)")
        command.add_argument("--rule", metavar="NAME", help="only what this rule has counted")
        command.add_argument(
            "--key",
            metavar="PART",
            action="append",
            default=[],
            help="only this key of the rule: ip:203.0.113.7, a user's id, what a header says; once for each part",
        )
        if action == "reset":
            command.add_argument("--all", action="store_true", help="reset everything in the namespace")
        command.set_defaults(run=_limits)


def _demo(options: argparse.Namespace) -> int:
    try:
        from perfkit import _demo as demo
    except ModuleNotFoundError as error:
        print(f"perfkit demo needs {error.name}: pip install 'perfkit[demo]'", file=sys.stderr)
        return UNUSABLE
    return demo.run(port=options.port, once=options.once)


def _check(options: argparse.Namespace) -> int:
    from perfkit import _check as check

    if options.minimum not in check.GRADES:
        print(f"perfkit: {options.minimum!r} is no grade: write one of {', '.join(check.GRADES)}", file=sys.stderr)
        return UNUSABLE
    if not 0 < options.timeout <= threading.TIMEOUT_MAX:
        print(f"perfkit: --timeout {options.timeout:g} is no time to wait: write for example 10", file=sys.stderr)
        return UNUSABLE
    try:
        return check.run(options.headers, options.minimum, options.timeout)
    except check.CheckError as error:
        print(f"perfkit: {error}", file=sys.stderr)
        return UNUSABLE


def _limits(options: argparse.Namespace) -> int:
    from perfkit.features.rate_limit import RateLimitOptions, StoreError
    from perfkit.features.rate_limit._shared_command import reset, show

    section = _settings().sections["rate_limit"] or RateLimitOptions()
    assert isinstance(section, RateLimitOptions)
    if options.namespace:
        section = replace(section, namespace=options.namespace)
    if options.key and not options.rule:
        raise CommandError("a key is one of a rule: write for example --rule login --key ip:203.0.113.7")
    if options.action == "reset" and not (options.rule or options.all):
        raise CommandError("say what to reset: --rule NAME, with --key or without, or --all")
    action = show if options.action == "show" else reset
    try:
        print("\n".join(action(options.uri, section, options.rule, options.key)))
    except (BadOption, StoreError) as error:
        raise CommandError(str(error)) from None
    return 0


def _alerts(options: argparse.Namespace) -> int:
    from perfkit._alerts import rules
    from perfkit.features.metrics import MetricsOptions
    from perfkit.features.thresholds import ThresholdsOptions

    sections = _settings().sections
    metrics, thresholds = sections.get("metrics"), sections["thresholds"]
    assert metrics is None or isinstance(metrics, MetricsOptions)
    assert thresholds is None or isinstance(thresholds, ThresholdsOptions)
    print(rules(metrics, thresholds, options.job), end="")
    return 0


def _config(_: argparse.Namespace) -> int:
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    settings = _settings()
    sources = [*([f"PERFKIT in {module}"] if module else []), *settings.sources]
    print(f"Settings from {', '.join(sources) or 'the defaults'}.")
    print("\n".join(_described(settings)))
    return 0


def _settings() -> Settings:
    module = os.environ.get("DJANGO_SETTINGS_MODULE")
    try:
        return _project_settings() if module else Settings.load()
    except ImportError as error:
        raise CommandError(f"DJANGO_SETTINGS_MODULE is {module!r}, which cannot be imported: {error}") from None


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
