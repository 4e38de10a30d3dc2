"""Choices: what to send, after presets, options and changes have had their say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from perfkit.features.security_headers._changes import Change, PathRule, checked_policies
from perfkit.features.security_headers._csp import FRAME_ANCESTORS, Directives, extended, without
from perfkit.features.security_headers._options import Csp, Reporting, SecurityHeadersOptions
from perfkit.features.security_headers._policies import PRESETS, PolicyName, Preset
from perfkit.features.security_headers._profiles import PROFILES, Profile
from perfkit.features.security_headers._values import Corp, Frame, Hsts, Permissions

T = TypeVar("T")

_FRAME_ANCESTORS: Mapping[Frame, tuple[str, ...]] = {"deny": ("'none'",), "sameorigin": ("'self'",)}
_CLEARED = ("cookies", "storage")


class Choices(NamedTuple):
    """What to send; None and empty ones are left out.

    Attributes:
        csp: the enforced policies by profile.
        report_only: those that only report.
    """

    preset: Preset
    nosniff: bool
    frame: Frame | None
    referrer_policy: str | None
    coop: str | None
    coep: str | None
    corp: Mapping[Profile, str | None]
    origin_agent_cluster: bool
    permissions: Permissions | None
    hsts: Hsts | None
    csp: Mapping[Profile, tuple[Directives, ...]]
    report_only: Mapping[Profile, tuple[Directives, ...]]
    reporting: Reporting | None
    headers: Mapping[str, str]
    profile: Profile | None = None
    clear_site_data: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: SecurityHeadersOptions) -> Choices:
        """What the options ask for, without any change."""
        preset = PRESETS[options.preset]
        html, *others = PROFILES
        csp = {profile: _enforced(options, preset.csp[profile], profile) for profile in (html, *others)}
        report_only = None
        # Without a place to report to, a policy that only reports is nothing but messages in the console.
        if not csp[html] and options.reporting is not None:
            report_only = preset.report_only
        return cls(
            preset=preset,
            nosniff=options.nosniff,
            frame=chosen(options.frame, preset.frame),
            referrer_policy=chosen(options.referrer_policy, preset.referrer_policy),
            coop=chosen(options.coop, preset.coop),
            coep=chosen(options.coep, preset.coep),
            corp={profile: _corp(options.corp, preset, profile) for profile in PROFILES},
            origin_agent_cluster=options.origin_agent_cluster,
            permissions=chosen(options.permissions, preset.permissions),
            hsts=chosen(options.hsts, preset.hsts),
            csp=csp,
            report_only={html: checked_policies(options.csp_report_only, report_only, "csp_report_only")},
            reporting=options.reporting,
            headers={**preset.extra, **options.headers},
        )

    def changed(self, change: Change) -> Choices:
        """What to send where this change counts too."""
        preset = self.preset
        profile = change.profile or self.profile
        return self._replace(
            profile=profile,
            csp={each: self._csp(change, each, profile) for each in PROFILES},
            report_only={each: self._report_only(change, each, profile) for each in PROFILES},
            frame=_changed(change.frame, preset.frame, self.frame),
            referrer_policy=_changed(change.referrer_policy, preset.referrer_policy, self.referrer_policy),
            coop=_changed(change.coop, preset.coop, self.coop),
            coep=_changed(change.coep, preset.coep, self.coep),
            corp={each: _changed(change.corp, preset.corp[each], self.corp[each]) for each in PROFILES},
            permissions=_changed(change.permissions, preset.permissions, self.permissions),
            clear_site_data=_changed(change.clear_site_data or None, _CLEARED, self.clear_site_data) or (),
        )

    def _csp(self, change: Change, profile: Profile, forced: Profile | None) -> tuple[Directives, ...]:
        policies = self.csp[profile]
        if _replaces(change, profile, forced):
            other = change.replacement("csp", self.preset.csp[profile])
            policies = policies if other is None else other
            if change.frame is not None and other is None and FRAME_ANCESTORS not in (change.extension or ()):
                policies = tuple(without(policy, {FRAME_ANCESTORS}) for policy in policies)
        more = change.extension
        if more is None:
            return policies
        if FRAME_ANCESTORS in more and self.frame is not None and not names_frames(policies):
            policies = with_frames(policies or ({},), self.frame)
        return tuple(extended(policy, more) for policy in policies)

    def _report_only(self, change: Change, profile: Profile, forced: Profile | None) -> tuple[Directives, ...]:
        policies = self.report_only.get(profile, ())
        if _replaces(change, profile, forced):
            other = change.replacement("csp_report_only", self.preset.report_only)
            policies = policies if other is None else other
        more = change.extension
        return policies if more is None else tuple(extended(policy, more) for policy in policies)


def names_frames(policies: tuple[Directives, ...]) -> bool:
    """Whether a policy says by itself who may frame the page."""
    return any(FRAME_ANCESTORS in policy for policy in policies)


def with_frames(policies: tuple[Directives, ...], frame: Frame) -> tuple[Directives, ...]:
    """The policies with frame-ancestors, in the first of them."""
    return ({**policies[0], FRAME_ANCESTORS: _FRAME_ANCESTORS[frame]}, *policies[1:])


def frame_options(policies: tuple[Directives, ...], frame: Frame | None) -> Frame | None:
    """What X-Frame-Options can say of these policies: the same as they, or nothing."""
    if frame is None or not names_frames(policies):
        return frame
    named = next(policy[FRAME_ANCESTORS] for policy in policies if FRAME_ANCESTORS in policy)
    return next((each for each, sources in _FRAME_ANCESTORS.items() if sources == named), None)


def chosen(option: bool | T, preset: T) -> T | None:
    """What an option asks for: True the value of the preset, False nothing."""
    if isinstance(option, bool):
        return preset if option else None
    return option


def _changed(option: bool | T | None, preset: Any, present: Any) -> Any:
    return present if option is None else chosen(option, preset)


def _replaces(change: Change, profile: Profile, forced: Profile | None) -> bool:
    """Whether the change's policies are meant for this profile: those of a path for its pages, not their images."""
    return not isinstance(change, PathRule) or profile == (forced or "html")


def _enforced(options: SecurityHeadersOptions, named: PolicyName | None, profile: Profile) -> tuple[Directives, ...]:
    given = getattr(options.csp, profile) if isinstance(options.csp, Csp) else options.csp
    return checked_policies(given, named, profile)


def _corp(corp: bool | Corp, preset: Preset, profile: Profile) -> str | None:
    given = getattr(corp, profile) if isinstance(corp, Corp) else corp
    return chosen(given, preset.corp[profile])
