"""System checks: ``manage.py check`` says what is wrong with ``PERFKIT`` and with the place in MIDDLEWARE.

==============  =======================================================================
perfkit.E001    a setting that cannot be used
perfkit.W001    a middleware of Django that does what a feature does, listed beside ours
perfkit.W002    something stands outside `PerfkitMiddleware`, where perfkit cannot see it
perfkit.W003    two of our per-feature middlewares stand in the wrong order
perfkit.W004    a feature runs twice
perfkit.W005    nobody answers where browsers are told to report to
perfkit.W006    a rate limit counts by user, and nothing finds out who that is
perfkit.W007    pages of other origins cannot read the refusals of a rate limit
==============  =======================================================================
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register  # noqa: A004 - Django's own name
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string

from perfkit.django.conf import project_settings
from perfkit.django.middleware import FeatureMiddleware, PerfkitMiddleware
from perfkit.errors import ConfigurationError
from perfkit.settings import Settings
from perfkit.stack import Stack

if TYPE_CHECKING:
    from django.apps import AppConfig

# Middlewares of Django, or in place of them, and the section of the feature that does the same.
DOUBLE_WORK = {
    "django.middleware.clickjacking.XFrameOptionsMiddleware": "security_headers",
    "django.middleware.gzip.GZipMiddleware": "compression",
    "django.middleware.http.ConditionalGetMiddleware": "conditional_get",
    "django.middleware.security.SecurityMiddleware": "security_headers",
    "perfkit.compat.django.ConditionalGetMiddleware": "conditional_get",
    "perfkit.compat.django.GZipMiddleware": "compression",
}
# Lets pages of other origins read answers: of django-cors-headers.
CORS = "corsheaders.middleware.CorsMiddleware"


@register("perfkit")
def check_perfkit(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Check ``PERFKIT``, and then where our middlewares stand."""
    problems = Settings.problems(getattr(settings, "PERFKIT", {}))
    if problems:
        return [_error(problem) for problem in problems]
    middlewares = {path: middleware for path in settings.MIDDLEWARE if (middleware := _ours(path)) is not None}
    if not middlewares:
        return []
    stacks = {path: _stack(middleware) for path, middleware in middlewares.items()}
    return [
        *_double_work(stacks),
        *_outside(middlewares, stacks),
        *_order(stacks),
        *_twice(stacks),
        *_reporting(),
        *_users(),
        *_cors(stacks),
    ]


def _error(problem: ConfigurationError) -> Error:
    return Error(f"PERFKIT: {problem.setting}: {problem.problem}", hint=_sentence(problem.mend), id="perfkit.E001")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _ours(path: str) -> type[PerfkitMiddleware] | None:
    try:
        middleware = import_string(path)
    except ImportError:
        return None  # Django says so when it loads the middlewares
    if isinstance(middleware, type) and issubclass(middleware, PerfkitMiddleware) and middleware.by_settings:
        return middleware
    return None


def _stack(middleware: type[PerfkitMiddleware]) -> Stack:
    settings_of_project = project_settings()
    if issubclass(middleware, FeatureMiddleware):
        return Stack.only(middleware.section, settings_of_project)
    return Stack.from_settings(settings_of_project)


def _double_work(stacks: dict[str, Stack]) -> Iterator[CheckMessage]:
    running = {feature.section for stack in stacks.values() for feature in stack.features}
    for path, section in DOUBLE_WORK.items():
        if path in settings.MIDDLEWARE and section in running:
            yield Warning(
                f"{path} does the same work as perfkit's feature {section}.",
                hint=f"Remove {path} from MIDDLEWARE, or set PERFKIT[{section!r}] = False.",
                id="perfkit.W001",
            )


def _outside(middlewares: dict[str, type[PerfkitMiddleware]], stacks: dict[str, Stack]) -> Iterator[CheckMessage]:
    ours = [path in middlewares for path in settings.MIDDLEWARE]
    place = ours.index(True)
    belongs_there = CORS if _limiting(stacks) else None
    outside = [path for path in settings.MIDDLEWARE[:place] if path != belongs_there]
    if outside:
        path = settings.MIDDLEWARE[place]
        yield Warning(
            f"{path} is not the first of MIDDLEWARE: what {', '.join(outside)} answer and change passes it by.",
            hint=f"Move {path} to the first place.",
            id="perfkit.W002",
        )


def _order(stacks: dict[str, Stack]) -> Iterator[CheckMessage]:
    placed = [(path, stack.features[0].position) for path, stack in stacks.items() if len(stack.features) == 1]
    for (outer, outer_position), (inner, inner_position) in pairwise(placed):
        if outer_position > inner_position:
            yield Warning(
                f"{outer} stands before {inner}, whose feature belongs further out.",
                hint=f"Move {inner} before {outer}, or list perfkit.django.PerfkitMiddleware, which knows the order.",
                id="perfkit.W003",
            )


def _twice(stacks: dict[str, Stack]) -> Iterator[CheckMessage]:
    running = Counter(
        feature.section for path in settings.MIDDLEWARE if path in stacks for feature in stacks[path].features
    )
    for section, count in running.items():
        if count > 1:
            yield Warning(
                f"The feature {section} runs {count} times for each request.",
                hint="List perfkit.django.PerfkitMiddleware once, or one middleware for each feature.",
                id="perfkit.W004",
            )


def _reporting() -> Iterator[CheckMessage]:
    options: Any = project_settings().sections["security_headers"]
    reporting = None if options is None else options.reporting
    if reporting is None or not reporting.csp.startswith("/"):
        return
    try:
        resolve(reporting.csp.partition("?")[0])
    except Resolver404:
        yield Warning(
            f"No view answers at {reporting.csp}, where browsers are told to report to.",
            hint="Put perfkit.django.reports_view there, at just that path: browsers follow no redirect with a report.",
            id="perfkit.W005",
        )


def _users() -> Iterator[CheckMessage]:
    options: Any = project_settings().sections["rate_limit"]
    rules = [] if options is None else [rule.name for rule in options.rules if _is_by_user(rule.key)]
    # By its name: projects have some of their own.
    if rules and not any("auth" in path.lower() for path in settings.MIDDLEWARE):
        yield Warning(
            f"The rate limits {', '.join(rules)} count by user, but no middleware finds out who that is.",
            hint="Add django.contrib.auth.middleware.AuthenticationMiddleware to MIDDLEWARE, or choose another key.",
            id="perfkit.W006",
        )


def _is_by_user(key: Any) -> bool:
    return key == "user" or (isinstance(key, list | tuple) and "user" in key)


def _cors(stacks: dict[str, Stack]) -> Iterator[CheckMessage]:
    ours = _limiting(stacks)
    middlewares = settings.MIDDLEWARE
    if ours and CORS in middlewares and middlewares.index(CORS) > middlewares.index(ours[0]) and _refuses_early():
        yield Warning(
            f"{CORS} stands after {ours[0]}: pages of other origins cannot read the refusals of its rate limits.",
            hint=f"Move {CORS} before {ours[0]}.",
            id="perfkit.W007",
        )


def _limiting(stacks: dict[str, Stack]) -> list[str]:
    """Those of our middlewares that limit rates, outermost first."""
    return [
        path
        for path in settings.MIDDLEWARE
        if path in stacks and any(feature.section == "rate_limit" for feature in stacks[path].features)
    ]


def _refuses_early() -> bool:
    """Whether a rule refuses before the middlewares inside ours have run: other refusals pass through them."""
    options: Any = project_settings().sections["rate_limit"]
    rules = [] if options is None else options.rules
    return any(not (rule.shadow or rule.match.route or _is_by_user(rule.key)) for rule in rules)
