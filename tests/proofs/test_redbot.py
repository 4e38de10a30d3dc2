"""REDbot, the linter for HTTP, finds nothing to warn of in what perfkit sends: five resources on eight real servers.

Without perfkit it finds as much on each stack as its compression and its validators get wrong.
"""

import json
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.proofs.http_servers import Site, serving
from tests.proofs.tools import HERE, missing

pytestmark = pytest.mark.server

SITES = {
    "fastapi-uvicorn": Site("uvicorn", "tests.proofs.archive_asgi:app"),
    "fastapi-hypercorn": Site("hypercorn", "tests.proofs.archive_asgi:app"),
    "fastapi-granian": Site("granian", "tests.proofs.archive_asgi:app"),
    "django-uvicorn": Site("uvicorn", "tests.proofs.archive_django:asgi"),
    "django-gunicorn": Site("gunicorn", "tests.proofs.archive_django:wsgi"),
    "django-waitress": Site("waitress", "tests.proofs.archive_django:wsgi"),
    "flask-gunicorn": Site("gunicorn", "tests.proofs.archive_wsgi:app"),
    "flask-waitress": Site("waitress", "tests.proofs.archive_wsgi:app"),
}
# What REDbot has to find working, so that its silence means something: compression, and validators that lead to a 304.
SUPPORTED = {
    "json": {"INM_304"},
    "etag": {"INM_304"},
    "static/archive.css": {"IMS_304"},
    "lines": set(),
    "page": {"INM_304"},
}
# Which frameworks serve parts of static files.
RANGES = ("fastapi", "flask")
TIMEOUT = 120  # seconds; it takes about two


def checks_of(site, folder):
    """REDbot's checks of the resources of a site, by name of the resource and coding asked for."""
    if find_spec("redbot") is None:
        missing("redbot is not installed")
    with serving(site, folder) as url:
        command = (sys.executable, "-m", "tests.proofs.redbot_checks", *(f"{url}/{name}" for name in SUPPORTED))
        done = subprocess.run(
            command, cwd=HERE.parents[1], capture_output=True, text=True, timeout=TIMEOUT, check=False
        )
    assert done.returncode == 0, done.stderr
    checks = {(each["url"].removeprefix(f"{url}/"), each["accepted"]): each for each in json.loads(done.stdout)}
    assert len(checks) == len(SUPPORTED) * 4
    return checks


def complaints(check):
    """What REDbot finds bad or warns of, in the answers to its further requests too."""
    return [
        (each["id"], each["request"], each["summary"]) for each in check["notes"] if each["level"] in ("BAD", "WARN")
    ]


def found(check):
    return {each["id"] for each in check["notes"]}


def coding(name, resource, accepted):
    """What a resource comes in for those who accept this."""
    sent_by_the_server = name == "fastapi-granian" and resource == "static/archive.css"  # http.response.pathsend
    no_br = resource == "lines" and accepted == "br"  # it takes too much memory for streams that stay open
    return "" if sent_by_the_server or no_br else accepted


@pytest.mark.parametrize("name", SITES)
def test_redbot_complains_of_nothing(name, tmp_path):
    checks = checks_of(SITES[name], tmp_path)
    for check in checks.values():
        assert (check["complete"], check["status"]) == (True, 200), check
    assert {key: complaints(check) for key, check in checks.items() if complaints(check)} == {}
    for (resource, accepted), check in checks.items():
        assert SUPPORTED[resource] <= found(check), (resource, accepted, check)
        assert check["headers"][""].get("content-encoding", "") == coding(name, resource, accepted)
        assert ("CONNEG_GZIP_GOOD" in found(check)) == (not accepted and coding(name, resource, "gzip") == "gzip")
    if name.startswith(RANGES):
        assert "RANGE_CORRECT" in found(checks["static/archive.css", ""])


def test_redbot_finds_what_is_wrong_without_perfkit(tmp_path):
    checks = checks_of(Site("uvicorn", "tests.proofs.archive_asgi:others"), tmp_path)
    ids = {resource: {each[0] for each in complaints(checks[resource, ""])} for resource in SUPPORTED}
    assert {"VARY_ETAG_DOESNT_CHANGE", "FRESHNESS_HEURISTIC"} <= ids["etag"]
    assert {"VARY_ETAG_DOESNT_CHANGE", "MISSING_HDRS_206", "MISSING_HDRS_304"} <= ids["static/archive.css"]
