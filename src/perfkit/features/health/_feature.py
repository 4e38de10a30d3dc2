"""The feature: which requests ask for health, and what they are told."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from perfkit.errors import ConfigurationError
from perfkit.exchange import Exchange, Reply
from perfkit.feature import Figure, Pending, Position
from perfkit.features.health import _answers as answers
from perfkit.features.health._calling import on_loop, on_thread
from perfkit.features.health._check import Check
from perfkit.features.health._kinds import made
from perfkit.features.health._options import CheckOptions, HealthOptions
from perfkit.features.health._shutdown import SIGTERM, is_shutting_down
from perfkit.options import BadOption, ConfiguredFeature

logger = logging.getLogger("perfkit")


class Health(ConfiguredFeature[HealthOptions]):
    """Answers ``/health/live``, ``/health/ready`` and ``/health``. Off unless it has a section.

    It stands outside of everything else: nobody limits, redirects or counts these requests.

    Args:
        options: checked options, as the settings make them.
        values: or the options themselves, as in ``Health(checks={"disk": {"kind": "disk", "path": "/srv"}})``.

    Raises:
        ConfigurationError: on an option that is unknown or cannot be used, and on a check whose function or package
            cannot be imported.
    """

    section = "health"
    position = Position.HEALTH
    enabled = False
    Options = HealthOptions

    def __init__(self, options: HealthOptions | None = None, /, **values: Any) -> None:
        super().__init__(options, **values)
        options = self.options
        self._endpoints = options.endpoints()
        self._all = tuple(_made(name, check, options) for name, check in options.checks.items())
        self._required = tuple(check for check in self._all if check.required)
        self._holds_sigterm = options.drain > 0

    def on_request(self, exchange: Exchange) -> Reply | Pending[Reply | None] | None:
        if self._holds_sigterm:
            self._hold_sigterm()
        endpoint = self._endpoints.get(exchange.path)
        if endpoint is None:
            return None
        if exchange.method not in answers.METHODS:
            return answers.NOT_ALLOWED
        if endpoint == "live":
            return answers.PASSED
        ready = endpoint == "ready"
        checks = self._required if ready else self._all
        reply = partial(self._reply, checks, ready=ready, details=self._shows_details(exchange))
        if (ready and is_shutting_down()) or all(check.holds for check in checks):
            return reply()
        return Pending(partial(_run, checks), partial(_run_async, checks)).then(lambda _: reply())

    def figures(self) -> Iterable[Figure]:
        """How each check stood when it was last run, which is when somebody asked."""
        for check in self._all:
            if check.verdict is None:
                continue
            labels = {"check": check.name}
            passes = float(check.verdict.outcome.status != "fail")
            seconds = check.verdict.seconds
            yield Figure("perfkit_health_check_passing", passes, "Whether the check passed or warned.", "gauge", labels)
            yield Figure("perfkit_health_check_duration_seconds", seconds, "What the check took.", "gauge", labels)

    def _shows_details(self, exchange: Exchange) -> bool:
        details = self.options.details
        return details == "always" or (details == "internal" and exchange.internal)

    def _reply(self, checks: tuple[Check, ...], *, ready: bool, details: bool) -> Reply:
        if ready and is_shutting_down():  # perhaps only since the checks were begun
            return answers.SHUTTING_DOWN_IN_DETAIL if details else answers.SHUTTING_DOWN
        return answers.answer(checks, details=details, messages=self.options.messages)

    def _hold_sigterm(self) -> None:
        """Hold back the signal once the server is there, whose own handler it is to reach in the end."""
        self._holds_sigterm = False
        if not SIGTERM.install(self.options.drain):
            logger.warning(
                "health: SIGTERM cannot be held back from here, so that health.drain has no effect. If the server"
                " handles requests on threads, call perfkit.health.hold_sigterm(%g) on its main thread (gunicorn:"
                " post_worker_init).",
                self.options.drain,
            )


def _made(name: str, check: CheckOptions, options: HealthOptions) -> Check:
    timeout = options.timeout if check.timeout is None else check.timeout
    try:
        function, secrets = made(check, timeout)
    except BadOption as error:
        from perfkit._problems import below  # only once there is an error, as all its words

        setting = f"{below(f'{Health.section}.checks', name)}.{error.option}"
        raise ConfigurationError(setting, error.problem, error.mend) from error
    every = options.every if check.every is None else check.every
    return Check(name, function, timeout=timeout, every=every, required=check.required, secrets=secrets)


def _run(checks: tuple[Check, ...]) -> None:
    begun = [(check, check.begin(on_thread)) for check in checks]
    for check, run in begun:
        if run is not None and not run.wait():
            check.give_up(run)


async def _run_async(checks: tuple[Check, ...]) -> None:
    begun = [(check, check.begin(on_loop)) for check in checks]
    for check, run in begun:
        if run is not None and not await run.wait_async():
            check.give_up(run)
