"""The site with Django, as servers load it: ``tests.conformance.served_django:asgi``."""

from tests.conformance import django_project
from tests.conformance.site import asgi_site, wsgi_site

asgi = asgi_site(django_project.asgi_application())
wsgi = wsgi_site(django_project.wsgi_application())
