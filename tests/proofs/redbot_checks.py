"""REDbot's notes on resources, as JSON: `python -m tests.proofs.redbot_checks http://127.0.0.1:8000/books ...`.

REDbot is a linter for HTTP (https://redbot.org). It asks for a resource and then, as what comes allows, for its gzip
variant, for a part of it, and whether its validators lead to a 304. Here it does so once as it comes, without
Accept-Encoding, and once for each coding, so that what is encoded is validated too. It can decode gzip and br.
"""

import json
import sys
from configparser import ConfigParser
from functools import partial
from typing import Any

import thor
from redbot.resource import HttpResource
from redbot.resource.fetch import RedFetcher

ACCEPTED = ("", "gzip", "br", "zstd")


def checks(urls: list[str]) -> list[dict[str, Any]]:
    """Have each of the URLs checked in each of the codings."""
    parser = ConfigParser()
    # REDbot refuses hosts of this machine unless it is told not to.
    parser.read_dict({"redbot": {"enable_local_access": "True"}})
    wanted = [(url, coding) for url in urls for coding in ACCEPTED]
    resources = [HttpResource(parser["redbot"]) for _ in wanted]
    for (url, coding), resource in zip(wanted, resources, strict=True):
        resource.set_request(url, headers=[("Accept-Encoding", coding)] if coding else None)
    run(resources)
    return [
        {"url": url, "accepted": coding, **result(resource)}
        for (url, coding), resource in zip(wanted, resources, strict=True)
    ]


def run(resources: list[HttpResource]) -> None:
    """Check all of them on a loop that runs once: stopping it breaks the connections that are kept."""
    unchecked = set(resources)

    def checked(resource: HttpResource) -> None:
        unchecked.remove(resource)
        if not unchecked:
            thor.stop()

    def start() -> None:
        for resource in resources:
            resource.on("check_done", partial(checked, resource))
            resource.check()

    thor.schedule(0, start)
    thor.run()


def result(resource: HttpResource) -> dict[str, Any]:
    """What came, and what REDbot says of it and of the answers to its further requests."""
    fetchers = {"": resource, **{name: each for name, each in resource.subreqs.items() if each.fetch_started}}
    return {
        "complete": all(each.response.complete for each in fetchers.values()),
        "status": resource.response.status_code,
        "headers": {name: headers(each) for name, each in fetchers.items()},
        "notes": [note(each, name) for name, fetcher in fetchers.items() for each in flat(fetcher.response.notes)],
    }


def headers(fetcher: RedFetcher) -> dict[str, str]:
    return {name.lower(): value.strip() for name, value in fetcher.response.headers.text}


def flat(notes: Any) -> Any:
    for each in notes:
        yield each
        yield from flat(each.subnotes)


def note(found: Any, request: str) -> dict[str, str]:
    return {
        "request": request,
        "id": type(found).__name__,
        "level": found.level.name,
        "subject": found.subject,
        "summary": found.summary,
    }


if __name__ == "__main__":
    json.dump(checks(sys.argv[1:]), sys.stdout, indent=1)
