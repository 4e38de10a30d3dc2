"""Changes: what differs on some paths (settings) or in one response (the application)."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, Final, TypeAlias

from perfkit.features.security_headers._csp import Directives, Policy, Sources, directives
from perfkit.features.security_headers._policies import NAMED, PolicyName
from perfkit.features.security_headers._profiles import Profile
from perfkit.features.security_headers._values import (
    EmbedderPolicy,
    Frame,
    OpenerPolicy,
    ReferrerPolicy,
    ResourcePolicy,
    SiteData,
    check_permissions,
)
from perfkit.options import BadOption, Options, convert

# Where a host's dict for the application holds the overrides of a response.
OVERRIDES: Final = "security_headers"
EXTEND: Final = "extend"

Policies: TypeAlias = bool | PolicyName | Policy | tuple[Policy, ...]
# As code gives them.
GivenPolicy: TypeAlias = Mapping[str, bool | str | Sequence[str]]
GivenPolicies: TypeAlias = bool | PolicyName | GivenPolicy | Sequence[GivenPolicy] | None
PolicyChange: TypeAlias = bool | PolicyName | dict[str, Sources | dict[str, Sources]] | tuple[Policy, ...] | None


def checked_policies(given: Policies, named: PolicyName | None, option: str) -> tuple[Directives, ...]:
    """The policies an option asks for.

    Args:
        given: a policy, several, the name of one, True for the one of the preset, False for none.
        named: the one of the preset.
        option: the setting, for messages.

    Raises:
        BadOption: a policy that cannot be used.
    """
    if isinstance(given, bool):
        return (directives(NAMED[named], option),) if given and named is not None else ()
    if isinstance(given, str):
        return (directives(NAMED[given], option),)
    if isinstance(given, tuple):
        return tuple(directives(policy, f"{option}[{index}]") for index, policy in enumerate(given))
    return (directives(given, option),)


class Change(Options, frozen=True, kw_only=True, eq=False):
    """What differs from the settings. None leaves a header as it is, True stands for the preset, False leaves it out.

    Attributes:
        csp: Content-Security-Policy: one policy or several in the place of those of the settings, the name of one, or
            ``{"extend": {...}}`` to allow more sources in all policies, those that only report included.
        csp_report_only: the same for Content-Security-Policy-Report-Only.
        profile: what to take the response for, whatever its content type.
        frame: X-Frame-Options and frame-ancestors.
        referrer_policy: Referrer-Policy.
        coop: Cross-Origin-Opener-Policy.
        coep: Cross-Origin-Embedder-Policy.
        corp: Cross-Origin-Resource-Policy.
        permissions: Permissions-Policy.
        clear_site_data: Clear-Site-Data, for the answer to a logout: what the browser forgets; True: cookies and
            storage.
    """

    csp: PolicyChange = None
    csp_report_only: PolicyChange = None
    profile: Profile | None = None
    frame: bool | Frame | None = None
    referrer_policy: bool | ReferrerPolicy | None = None
    coop: bool | OpenerPolicy | None = None
    coep: bool | EmbedderPolicy | None = None
    corp: bool | ResourcePolicy | None = None
    permissions: bool | dict[str, tuple[str, ...]] | None = None
    clear_site_data: bool | tuple[SiteData, ...] = False

    def __post_init__(self) -> None:
        for option, given in (("csp", self.csp), ("csp_report_only", self.csp_report_only)):
            self._check_policy(option, given)
        if isinstance(self.permissions, dict):
            check_permissions(self.permissions)

    def _check_policy(self, option: str, given: PolicyChange) -> None:
        if given is None:
            return
        if not isinstance(given, dict) or not any(isinstance(sources, dict) for sources in given.values()):
            checked_policies(given, None, option)  # type: ignore[arg-type]
            return
        more = given.get(EXTEND)
        if len(given) > 1 or not isinstance(more, dict):
            mend = 'write {"extend": {...}} with the sources to allow by directive, and nothing beside it'
            raise BadOption(option, "a mapping in a policy is neither a source nor a list of sources", mend)
        if option != "csp":
            raise BadOption(
                f"{option}.{EXTEND}", "csp.extend reaches the policies that only report too", "write it there"
            )
        directives(more, f"{option}.{EXTEND}")

    @property
    def extension(self) -> Directives | None:
        """The sources to allow, where ``csp`` extends."""
        more = self.csp.get(EXTEND) if isinstance(self.csp, dict) else None
        return directives(more, EXTEND) if isinstance(more, dict) else None

    def replacement(self, option: str, named: PolicyName | None) -> tuple[Directives, ...] | None:
        """The policies ``csp`` or ``csp_report_only`` puts in the place of others; None where it does not."""
        given = getattr(self, option)
        if given is None or (isinstance(given, dict) and isinstance(given.get(EXTEND), dict)):
            return None
        return checked_policies(given, named, option)


class PathRule(Change, frozen=True, kw_only=True, eq=False):
    """A change for some paths.

    Attributes:
        path: the whole path, where ``*`` stands for any characters, none and slashes included. The first rule that
            fits a path is the one that counts.
    """

    path: str

    def __post_init__(self) -> None:
        if not self.path.startswith(("/", "*")):
            raise BadOption("path", f"{self.path!r} is no path", "begin it with '/', as in '/docs*'")
        Change.__post_init__(self)


class Override(Change, frozen=True, kw_only=True, eq=False):
    """A change for one response, made by the application: once, where it is defined, and not with each request."""

    def apply(self, shared: MutableMapping[str, Any]) -> None:
        """Let it count for the response of this exchange, after those applied before.

        Args:
            shared: what the host gives to the application: ``scope["perfkit"]``, ``environ["perfkit"]`` or Django's
                ``request.perfkit``.
        """
        shared[OVERRIDES] = (*applied(shared), self)


def applied(shared: Mapping[str, Any]) -> tuple[Override, ...]:
    """The overrides of a response, in the order they came.

    Raises:
        TypeError: the application has put something else there.
    """
    found = shared.get(OVERRIDES, ())
    overrides = (found,) if isinstance(found, Override) else found
    if isinstance(overrides, tuple) and all(isinstance(each, Override) for each in overrides):
        return overrides
    raise TypeError(f"{found!r} is not an override of security headers: make one with extend, replace, off or override")


def override(**values: Any) -> Override:
    """A change of one response's headers; see `Change` for the options.

    Raises:
        ConfigurationError: an option that cannot be used.
    """
    return convert(values, Override, "override")


def extend(more: GivenPolicy) -> Override:
    """Allow more sources in the response's policies, for example ``extend({"img-src": ["https://cdn.example"]})``.

    Raises:
        ConfigurationError: a source that cannot be used.
    """
    return override(csp={EXTEND: dict(more)})


def replace(policy: GivenPolicies = None, *, report_only: GivenPolicies = None) -> Override:
    """Send other policies with the response.

    Args:
        policy: a policy, several, or the name of one, to enforce. None keeps those of the settings.
        report_only: the same for the policies that only report.

    Raises:
        ConfigurationError: a policy that cannot be used.
    """
    return override(csp=policy, csp_report_only=report_only)


def off() -> Override:
    """Send no Content-Security-Policy with the response, and none that only reports."""
    return Override(csp=False, csp_report_only=False)
