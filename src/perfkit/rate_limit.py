"""What `RateLimit` tells and takes: for features, functions and views of your own.

What became of a request is in ``exchange.facts["rate_limit"]``, an `Outcome`. A function that makes the answers gets a
`Refusal`, and so does one that is told of refusals. The application finds its `Usage` in what is shared with it, as
``"rate_limit"``. A `ViewRule` is the rule of one view, for frameworks that have no decorator here:
``usage.take(rule, request)`` gives the answer, or None.
"""

from perfkit.features.rate_limit import Outcome, RateLimitOptions, Refusal, Rule, Usage, ViewRule

__all__ = ["Outcome", "RateLimitOptions", "Refusal", "Rule", "Usage", "ViewRule"]
