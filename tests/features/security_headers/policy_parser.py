"""A strict little parser of Content-Security-Policy: refuses what the grammar of CSP3 section 2.2 does not allow."""

import re

DIRECTIVE = re.compile(r"(?P<name>[a-z0-9-]+)(?P<sources>(?: [!-+\--:<-~]+)*)")


def parse(header: str) -> list[dict[str, list[str]]]:
    """The policies of a header."""
    return [_policy(text) for text in header.split(", ")]


def _policy(text: str) -> dict[str, list[str]]:
    policy: dict[str, list[str]] = {}
    for directive in text.split("; "):
        match = DIRECTIVE.fullmatch(directive)
        assert match is not None, f"not a directive: {directive!r}"
        assert match["name"] not in policy, f"twice, so that the second is ignored: {directive!r}"
        policy[match["name"]] = match["sources"].split()
    return policy
