"""Whether a policy allows more than is needed: a source is needed if something is blocked without it."""

from collections.abc import Iterator

from perfkit.features.security_headers._csp import Policy, directives, serialize
from perfkit.features.security_headers._policies import NAMED


def without_one_source(name: str) -> Iterator[Policy]:
    """The policy of this name as many times as it allows something, each time without one source."""
    for directive, sources in NAMED[name].items():
        assert isinstance(sources, tuple)
        for source in {*sources} - {"'none'"}:
            yield {**NAMED[name], directive: tuple(each for each in sources if each != source)}


def headers(name: str) -> set[str]:
    """The same, as a browser is told of them."""
    return {serialize(directives(policy, "probe")) for policy in without_one_source(name)}
