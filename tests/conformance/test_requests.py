"""What a feature sees of the request."""

from __future__ import annotations

from tests.conformance.behaviours import Whole
from tests.conformance.case import case
from tests.conformance.features import RequestFacts, ResponseFacts, Rewrite
from tests.conformance.hosts import IN_PROCESS
from tests.conformance.run import Run

HELLO = Whole(body=b"hello")


@case(HELLO, RequestFacts("facts"))
def test_method_path_and_peer(run: Run) -> None:
    response, trace = run("DELETE", "/caf%C3%A9/b%20c%2Bd?query=1")
    assert response.status == 200
    facts = trace.facts("facts.on_request")
    assert facts["method"] == "DELETE"
    assert facts["path"] == f"/{run.case}/caf\xe9/b c+d"
    assert (facts["peer"], facts["client"], facts["scheme"]) == ("127.0.0.1", "127.0.0.1", "http")
    assert (facts["status"], facts["body"], facts["response_header"]) == (0, None, None), "there is no response yet"


@case(HELLO, RequestFacts("facts"))
def test_path_has_the_prefix_the_application_is_mounted_at(run: Run) -> None:
    response, trace = run(rest="/x", mount="/mounted")
    assert response.status == 200
    assert trace.facts("facts.on_request")["path"] == f"/mounted/{run.case}/x"


@case(HELLO, RequestFacts("facts", "X-One", "X-Many", "Content-Type", "Content-Length", "X-None"))
def test_request_headers(run: Run) -> None:
    headers = [("X-One", "caf\xe9"), ("x-many", "a"), ("X-Many", "b"), ("Content-Type", "application/json")]
    _, trace = run("POST", headers=headers, body=b"{}")
    seen = trace.facts("facts.on_request")["headers"]
    assert seen.pop("X-Many").replace(" ", "") == "a,b"
    assert seen == {"X-One": "caf\xe9", "Content-Type": "application/json", "Content-Length": "2", "X-None": None}


@case(HELLO, RequestFacts("facts", "X-One", "X-Two"))
def test_request_headers_without_repeated_ones(run: Run) -> None:
    _, trace = run(headers=[("X-One", "1"), ("X-Two", "2")])
    assert trace.facts("facts.on_request")["headers"] == {"X-One": "1", "X-Two": "2"}


# wsgiref's server makes a Content-Type up.
@case(HELLO, RequestFacts("facts", "Content-Type", "Content-Length"), hosts=IN_PROCESS)
def test_request_without_content_has_no_headers_of_content(run: Run) -> None:
    _, trace = run()
    assert trace.facts("facts.on_request")["headers"] == {"Content-Type": None, "Content-Length": None}


@case(HELLO, Rewrite("other"), RequestFacts("facts", "X-Seen", "X-Two"))
def test_request_header_is_changed_for_the_application_and_features_further_in(run: Run) -> None:
    _, trace = run(headers=[("X-Seen", "one"), ("X-Seen", "two"), ("X-Two", "2")])
    assert trace.facts("facts.on_request")["headers"] == {"X-Seen": "other", "X-Two": "2"}
    assert trace.facts("app.called") == {"seen": "other"}


@case(HELLO, Rewrite(None), RequestFacts("facts", "X-Seen"))
def test_request_header_is_removed(run: Run) -> None:
    _, trace = run(headers=[("X-Seen", "one")])
    assert trace.facts("facts.on_request")["headers"] == {"X-Seen": None}
    assert trace.facts("app.called") == {"seen": None}


@case(HELLO, RequestFacts("facts"))
def test_request_header_reaches_the_application(run: Run) -> None:
    _, trace = run(headers=[("X-Seen", "one")])
    assert trace.facts("app.called") == {"seen": "one"}


FORWARDED = [("X-Forwarded-For", "198.51.100.1, 203.0.113.7"), ("X-Forwarded-Proto", "https")]


@case(HELLO, RequestFacts("facts"))
def test_forged_forwarded_header_is_not_believed(run: Run) -> None:
    _, trace = run(headers=FORWARDED)
    facts = trace.facts("facts.on_request")
    assert (facts["client"], facts["peer"], facts["scheme"]) == ("127.0.0.1", "127.0.0.1", "http")


@case(HELLO, RequestFacts("facts"), settings={"client": {"trusted_proxies": ["127.0.0.1"]}})
def test_trusted_proxy_tells_the_client_and_not_what_the_client_forged(run: Run) -> None:
    _, trace = run(headers=FORWARDED)
    facts = trace.facts("facts.on_request")
    assert (facts["client"], facts["peer"], facts["scheme"]) == ("203.0.113.7", "127.0.0.1", "https")


@case(HELLO, ResponseFacts("facts"))
def test_route_is_known_where_the_host_knows_it(run: Run) -> None:
    _, trace = run(rest="/7")
    if run.kind.django:
        assert trace.facts("facts.on_view") == {"route": "/<str:case>/<path:rest>"}
        assert trace.facts("facts.on_response")["route"] == "/<str:case>/<path:rest>"
    else:
        assert "facts.on_view" not in trace.names
        assert trace.facts("facts.on_response")["route"] is None
