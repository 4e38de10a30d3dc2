"""Rate limiting: rules in the settings and on views, decided in this process or by a store that several share."""

from perfkit.features.rate_limit._answers import Refusal
from perfkit.features.rate_limit._decision import Decision, whole_seconds
from perfkit.features.rate_limit._feature import RateLimit
from perfkit.features.rate_limit._keys import AddressPrefixes, Keys
from perfkit.features.rate_limit._match import Exempt, Match
from perfkit.features.rate_limit._memory import Hit, MemoryStore
from perfkit.features.rate_limit._options import Ban, RateLimitOptions, Rule
from perfkit.features.rate_limit._outcome import Outcome
from perfkit.features.rate_limit._policy import Policy
from perfkit.features.rate_limit._rates import Concurrency, Rate, parse_limits
from perfkit.features.rate_limit._store import Store, StoreError
from perfkit.features.rate_limit._usage import Usage, ViewRule

__all__ = [
    "AddressPrefixes",
    "Ban",
    "Concurrency",
    "Decision",
    "Exempt",
    "Hit",
    "Keys",
    "Match",
    "MemoryStore",
    "Outcome",
    "Policy",
    "Rate",
    "RateLimit",
    "RateLimitOptions",
    "Refusal",
    "Rule",
    "Store",
    "StoreError",
    "Usage",
    "ViewRule",
    "parse_limits",
    "whole_seconds",
]
