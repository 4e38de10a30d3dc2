"""The site as servers load it: ``tests.conformance.served:asgi``."""

from tests.conformance.site import asgi_cases, asgi_site, wsgi_cases, wsgi_site

asgi = asgi_site(asgi_cases())
wsgi = wsgi_site(wsgi_cases())
wsgi_validated = wsgi_site(wsgi_cases(validated=True))
