"""Content Security Policy for applications: the nonce placeholder, and changes to the policy of one response.

``extend``, ``replace``, ``off`` and ``override`` make an `Override`, checked when it is made. An application applies it
to the exchange it is answering: ``extend({"img-src": ["https://cdn.example"]}).apply(scope["perfkit"])``, with
``environ["perfkit"]`` or Django's ``request.perfkit`` alike. As decorators of views they are ``csp`` in
`perfkit.starlette`, `perfkit.flask` and `perfkit.django`.
"""

from perfkit.features.security_headers import NONCE, Nonce, Override, extend, off, override, replace

__all__ = ["NONCE", "Nonce", "Override", "extend", "off", "override", "replace"]
