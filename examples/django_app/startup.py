"""Makes the demo ready to serve: a real deployment would run `migrate` as a step of its own."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from django.core.management import call_command
from django.db import connections

from bookshop.catalogue import catalogue_file
from bookshop.home import take_startup_lock


def prepare() -> None:
    """Migrate and seed, in whichever worker process comes first; the others wait and find it done.

    In a thread, since uvicorn imports `asgi.py` inside its event loop, where Django rightly refuses database work.
    """
    with ThreadPoolExecutor(max_workers=1) as executor:
        executor.submit(_prepare).result()


def _prepare() -> None:
    from .shop.seeding import seed  # models can be imported once Django is set up

    try:
        with closing(take_startup_lock()):
            call_command("migrate", verbosity=0, interactive=False)
            seed()
        catalogue_file()
    finally:
        connections.close_all()  # they belong to this thread, which ends
