"""Status and headers: what a feature changes, and what of the application's must stay."""

from __future__ import annotations

from perfkit import HeaderName, Reply
from tests.conformance.behaviours import Fields, Whole
from tests.conformance.case import case
from tests.conformance.features import Answer, Edit, Recorder, ResponseFacts, Try
from tests.conformance.hosts import EVERYWHERE
from tests.conformance.run import Run

# As applications send them: names in any case, several lines of one name.
UNTIDY: Fields = (
    ("CONTENT-type", "text/plain"),
    ("Set-Cookie", "a=1"),
    ("set-cookie", "b=2"),
    ("VARY", "Accept"),
    ("vary", "Cookie"),
    ("x-Frame-OPTIONS", "SAMEORIGIN"),
    ("X-App", "kept"),
)


def app_headers_are_kept(run: Run, *but: str) -> bool:
    """Whether the application's headers all arrive, each as often as it was sent."""
    response, _ = run()
    sent = {name.lower() for name, _ in UNTIDY} - {name.lower() for name in but}
    expected = {name: sorted(value for key, value in UNTIDY if key.lower() == name) for name in sent}
    return expected == {
        name: sorted(response.lines(name) if name == "set-cookie" else response.members(name)) for name in sent
    }


@case(Whole(body=b"hello", headers=UNTIDY), Recorder("only"))
def test_untidy_headers_all_pass(run: Run) -> None:
    assert app_headers_are_kept(run)


@case(Whole(body=b"hello", headers=UNTIDY), ResponseFacts("only", "Vary", "Set-Cookie", "Content-Type", "X-None"))
def test_feature_reads_headers_in_any_case_with_their_lines_joined(run: Run) -> None:
    _, trace = run()
    facts = trace.facts("only.on_response")
    assert facts["headers"] == {
        "Vary": "Accept, Cookie",
        "Set-Cookie": "a=1, b=2",
        "Content-Type": "text/plain",
        "X-None": None,
    }
    assert facts["present"] == ["Vary", "Set-Cookie", "Content-Type"]


@case(Whole(body=b"hello", headers=UNTIDY), Edit(replace={"Vary": "Origin", "X-Frame-Options": "DENY", "X-New": "1"}))
def test_header_set_replaces_all_lines_of_its_name(run: Run) -> None:
    response, _ = run()
    assert response.lines("Vary") == ["Origin"]
    assert response.lines("X-Frame-Options") == ["DENY"]
    assert response.lines("X-New") == ["1"]
    assert app_headers_are_kept(run, "Vary", "X-Frame-Options")


@case(Whole(body=b"hello", headers=UNTIDY), Edit(append={"Vary": "Accept-Encoding", "Server-Timing": "total"}))
def test_header_appended_keeps_what_is_there(run: Run) -> None:
    response, _ = run()
    assert response.members("Vary") == ["Accept", "Cookie", "Accept-Encoding"]
    assert response.members("Server-Timing") == ["total"]
    assert app_headers_are_kept(run, "Vary")


@case(Whole(body=b"hello", headers=UNTIDY), Edit(remove=("Vary", "X-Frame-Options", "X-None")))
def test_header_removed_goes_with_all_its_lines(run: Run) -> None:
    response, _ = run()
    assert response.lines("Vary") == []
    assert response.lines("X-Frame-Options") == []
    assert app_headers_are_kept(run, "Vary", "X-Frame-Options")


@case(Whole(body=b"hello", headers=UNTIDY), Edit(remove=("Set-Cookie",)))
def test_cookies_can_be_removed(run: Run) -> None:
    response, _ = run()
    assert response.lines("Set-Cookie") == []
    assert app_headers_are_kept(run, "Set-Cookie")


@case(
    Whole(body=b"hello", headers=UNTIDY),
    Edit(default={"X-Frame-Options": "DENY", "X-App": "not this", "Referrer-Policy": "same-origin"}),
)
def test_default_headers_leave_those_of_the_application(run: Run) -> None:
    response, _ = run()
    assert response.lines("Referrer-Policy") == ["same-origin"]
    assert app_headers_are_kept(run)


@case(Whole(body=b"hello"), Edit(default={"X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}))
def test_default_headers_are_added_where_none_is_there(run: Run) -> None:
    for _ in range(2):  # constant blocks stay constant
        response, _ = run()
        assert response.lines("X-Frame-Options") == ["DENY"]
        assert response.lines("Referrer-Policy") == ["same-origin"]


@case(Whole(body=b"hello"), Edit(replace={"X-Name": "caf\xe9"}), Edit(append={"X-List": "na\xefve"}))
def test_latin_1_passes(run: Run) -> None:
    response, _ = run()
    assert response.header("X-Name") == "caf\xe9"
    assert response.header("X-List") == "na\xefve"


@case(
    Whole(body=b"hello", headers=UNTIDY),
    ResponseFacts("outer", "X-New", "Vary", "X-App", "X-Default", "X-Other"),
    Edit(default={"X-Default": "1", "X-Other": "1"}),
    Edit(remove=("X-App",), append={"Vary": "Origin"}, replace={"X-New": "1"}, default={"X-Other": "0", "Vary": "no"}),
)
def test_outer_features_see_the_headers_that_inner_ones_made(run: Run) -> None:
    _, trace = run()
    assert trace.facts("outer.on_response")["headers"] == {
        "X-New": "1",
        "Vary": "Accept, Cookie, Origin",
        "X-App": None,
        "X-Default": "1",
        "X-Other": "0",
    }


@case(
    Whole(body=b"hello", headers=UNTIDY),
    Edit(default={"X-App": "default", "X-New": "no", "X-Default": "no"}, append={"X-New": "2"}, remove=("X-Default",)),
    Edit(remove=("X-App",), replace={"X-New": "1"}),
    Edit(default={"X-Default": "1"}),
)
def test_outer_features_change_the_headers_that_inner_ones_made(run: Run) -> None:
    response, _ = run()
    assert response.members("X-App") == ["default"]
    assert response.members("X-New") == ["1", "2"]
    assert response.members("X-Default") == ["no"]


# What would end the header, or cannot be sent, is the feature's error; nothing of the response goes out.


def is_refused(run: Run) -> bool:
    response, trace = run(until="outer.on_end")
    assert trace.facts("outer.on_end") == {"error": "ValueError"}
    assert response.header("X-App") is None, "half of the response was sent"
    return response.status == 500 and b"hello" not in response.body and "evil" not in str(response.headers)


APP_HEADERS: Fields = (("Content-Type", "text/plain"), ("X-App", "1"))


@case(Whole(body=b"hello", headers=APP_HEADERS), Recorder("outer"), Edit(replace={"X-Bad": "1\r\nSet-Cookie: evil=1"}))
def test_line_break_in_a_header_set_is_refused(run: Run) -> None:
    assert is_refused(run)


@case(Whole(body=b"hello", headers=APP_HEADERS), Recorder("outer"), Edit(append={"X-Bad": "1\nevil: 1"}))
def test_line_break_in_a_header_appended_is_refused(run: Run) -> None:
    assert is_refused(run)


@case(Whole(body=b"hello", headers=APP_HEADERS), Recorder("outer"), Edit(replace={"X-Bad": "\u20ac"}))
def test_character_outside_latin_1_is_refused(run: Run) -> None:
    assert is_refused(run)


@case(Whole(), Recorder("outer"), Answer("maker", Reply(200, {HeaderName("X-Bad"): "1\r\nevil: 1"}, b"hello")))
def test_line_break_in_a_reply_is_refused(run: Run) -> None:
    assert is_refused(run)


@case(Whole(body=b"hello", headers=APP_HEADERS), Try())
def test_header_stays_where_its_new_value_is_refused(run: Run) -> None:
    response, _ = run()
    assert response.lines("X-App") == ["1"]


# The status and its phrase


@case(Whole(body=b"hello"), Edit(status=418))
def test_status_alone_can_change(run: Run) -> None:
    response, _ = run()
    assert (response.status, response.body) == (418, b"hello")
    assert response.header("Content-Length") == "5"
    if run.kind.protocol == "wsgi":
        assert response.reason == "I'm a Teapot"


@case(Whole(body=b"hello", reason="Very OK"), Recorder("only"))
def test_reason_phrase_of_the_application_stays(run: Run) -> None:
    response, _ = run()
    if run.kind.protocol == "wsgi":
        assert (response.status, response.reason) == (200, "Very OK")


@case(Whole(body=b"hello", reason="Very OK"), Edit(status=404))
def test_reason_phrase_goes_with_its_status(run: Run) -> None:
    response, _ = run()
    assert response.status == 404
    if run.kind.protocol == "wsgi":
        assert response.reason == "Not Found"


@case(Whole(body=b"hello", status=299, reason="Mostly OK"), Recorder("only"))
def test_status_without_a_registered_phrase_passes(run: Run) -> None:
    response, trace = run()
    assert (response.status, response.body) == (299, b"hello")
    assert trace.facts("only.on_response")["status"] == 299


# uvicorn itself knows no status above 599.
UP_TO_999 = tuple(kind for kind in EVERYWHERE if not kind.name.startswith("uvicorn"))


@case(Whole(body=b"hello"), Edit(status=799), hosts=UP_TO_999)
def test_status_can_change_to_one_nobody_registered(run: Run) -> None:
    response, _ = run()
    assert (response.status, response.body) == (799, b"hello")
