"""The receiver of browsers' reports, without a host."""

import json
import logging
import random
import time
import tracemalloc

import pytest

from perfkit import ConfigurationError
from perfkit.reports import ReportKind, ReportReceiver, _table

LEGACY = "application/csp-report"
BATCH = "application/reports+json"


def legacy(**fields):
    return json.dumps({"csp-report": {name.replace("_", "-"): value for name, value in fields.items()}}).encode()


def csp(blocked="https://evil.example/x.js", directive="script-src-elem", **fields):
    body = {"blockedURL": blocked, "effectiveDirective": directive, "disposition": "enforce", **fields}
    page = "https://shop.example/cart"
    return {"type": "csp-violation", "age": 1, "url": page, "user_agent": "Browser", "body": body}


def batch(*reports):
    return json.dumps(reports).encode()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def receiver(reports):
    return ReportReceiver(on_report=reports.append)


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(_table, "monotonic", lambda: now[0])
    return now


def refuse(method, content_type, length):
    """The answer of a receiver to a request that it does refuse."""
    reply = ReportReceiver().refuse(method, content_type, length)
    assert reply is not None
    return reply


def headers(reply):
    return {name.title: value for name, value in reply.headers.items()}


def lines(caplog):
    return [record.getMessage() for record in caplog.records]


# What is understood


def test_a_report_of_report_uri_is_taken(receiver, reports):
    body = legacy(
        document_uri="https://shop.example/cart",
        effective_directive="img-src",
        blocked_uri="https://cdn.example/a.png",
        source_file="https://shop.example/app.js",
        line_number=7,
        disposition="report",
    )
    assert receiver.take(LEGACY, body).status == 204
    (report,) = reports
    assert report.type == "csp-violation"
    assert report.directive == "img-src"
    assert report.blocked == "https://cdn.example/a.png"
    assert report.document == "https://shop.example/cart"
    assert report.source == "https://shop.example/app.js"
    assert report.line == 7
    assert not report.enforced


def test_a_directive_of_csp_2_comes_without_its_sources(receiver, reports):
    receiver.take(LEGACY, legacy(violated_directive="script-src 'self' https://a.example", blocked_uri="inline"))
    assert (reports[0].directive, reports[0].blocked) == ("script-src", "inline")


def test_a_batch_of_the_reporting_api_is_taken(receiver, reports):
    assert receiver.take(BATCH, batch(csp(), csp("eval", "script-src"))).status == 204
    assert [report.blocked for report in reports] == ["https://evil.example/x.js", "eval"]
    assert reports[0].document == "https://shop.example/cart"
    assert reports[0].enforced


def test_the_lone_object_of_webkit_is_taken(receiver, reports):
    assert receiver.take(BATCH, b" " + json.dumps(csp()).encode()).status == 204
    assert reports[0].directive == "script-src-elem"


@pytest.mark.parametrize(
    ("kind", "body", "directive"),
    [
        ("permissions-policy-violation", {"featureId": "camera", "disposition": "enforce"}, "camera"),
        ("permissions-policy-violation", {"policyId": "camera"}, "camera"),
        ("document-policy-violation", {"policyId": "document-write"}, "document-write"),
        ("coep", {"type": "corp", "destination": "image", "blockedURL": "https://cdn.example/a.png"}, "corp"),
        ("coop", {"type": "navigation-to-response", "disposition": "reporting"}, "navigation-to-response"),
        ("deprecation", {"id": "WebSQL", "anticipatedRemoval": "2027-01-01", "message": "gone soon"}, "WebSQL"),
        ("intervention", {"id": "HeavyAd", "sourceFile": None, "lineNumber": None}, "HeavyAd"),
        ("crash", {"reason": "oom"}, "oom"),
        ("crash", None, ""),
        ("integrity-violation", {"destination": "script", "reportOnly": True}, "script"),
        ("network-error", {"type": "tcp.timed_out", "phase": "connection"}, "tcp.timed_out"),
    ],
)
def test_every_type_of_the_reporting_api_is_counted_by_what_it_is_about(receiver, kind, body, directive):
    receiver.take(BATCH, batch({"type": kind, "url": "https://shop.example/", "body": body}))
    (counted,) = receiver.counts()
    assert counted[:2] == (kind, directive)


@pytest.mark.parametrize("body", [{"disposition": "reporting"}, {"reportOnly": True}, {"disposition": "report"}])
def test_a_policy_that_only_reports_is_told_apart(receiver, reports, body):
    receiver.take(BATCH, batch({"type": "coop", "url": "https://shop.example/", "body": body}))
    assert not reports[0].enforced


def test_a_type_nobody_knows_is_counted_as_other(receiver):
    receiver.take(BATCH, batch({"type": "x" * 50, "body": {}}, {"type": "y", "body": {}}))
    assert receiver.counts() == {ReportKind("other", "", ""): 2}


def test_equal_reports_are_counted_once_each_and_kept_once(receiver):
    for _ in range(5):
        receiver.take(BATCH, batch(csp("https://evil.example/a.js"), csp("https://evil.example/b.js?x=1")))
    assert receiver.counts() == {ReportKind("csp-violation", "script-src-elem", "https://evil.example"): 10}


# What is not believed


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("https://user:secret@shop.example:8443/a/b?token=1#frag", "https://shop.example:8443/a/b"),
        ("https://shop.example?token=1", "https://shop.example"),
        ("https://shop.example#/reset/token", "https://shop.example"),
        ("HTTPS://Shop.Example/A", "https://shop.example/A"),
        ("https://[2001:db8::1]:80/a", "https://[2001:db8::1]:80/a"),
        ("data:text/html,secret", "data"),
        ("blob:https://shop.example/0-1-2", "blob"),
        ("about:srcdoc", "about"),
        ("inline", "inline"),
        ("two words", "twowords"),
        ("", ""),
        (None, ""),
        ("what/is/this", "other"),
        ("1:2", "other"),
        ("https://a,b/c", "https"),
        ("https://[", "https"),
        ("https://shop.example/a\r\nb\x00\x1b[31m\u2028\u202ec", "https://shop.example/ab[31mc"),
        ("https://shop.example/" + "a" * 100_000, "https://shop.example/" + "a" * 491),
    ],
)
def test_a_url_loses_what_may_be_secret_or_forge_a_log(reports, sent, kept):
    roomy = ReportReceiver(max_body=200_000, on_report=reports.append)
    roomy.take(LEGACY, legacy(document_uri=sent))
    assert reports[0].document == kept


@pytest.mark.parametrize("directive", ["script src", "a" * 65, "script-src\n", "<b>", "'none'"])
def test_a_directive_that_is_no_name_is_other(receiver, directive):
    receiver.take(BATCH, batch(csp(directive=directive)))
    assert {kind.directive for kind in receiver.counts()} == {"other"}


@pytest.mark.parametrize("line", [-1, 0, 2**31, 10**30])
def test_an_impossible_line_is_no_line(receiver, reports, line):
    assert receiver.take(LEGACY, legacy(blocked_uri="eval", line_number=line)).status == 204
    assert reports[0].line is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]]",
        b"null",
        b"17",
        b'{"csp-report": []}',
        b'{"csp-report": {"blocked-uri": 5}}',
        b'{"csp-report": {"line-number": "7"}}',
        b'{"csp-report": {"blocked-uri": "\xff"}}',
        b'{"csp-report": {"unknown": ' + b"[" * 60_000 + b"]}}",
        b'{"csp-report": {"line-number": ' + b"9" * 60_000 + b"}}",
        b"[" * 65_000,
        b'{"a":' * 13_000,
    ],
)
@pytest.mark.parametrize("content_type", [LEGACY, BATCH])
def test_what_is_no_report_is_refused_or_dropped(receiver, reports, content_type, content):
    reply = receiver.take(content_type, content)
    assert (reply.status, reports) in ((400, []), (204, []))
    assert content_type == BATCH or reply.status == 400
    assert receiver.totals().malformed == 1


def test_one_bad_report_does_not_cost_the_others(receiver, reports):
    latin = b'{"type":"crash","url":"\xe9"}'
    members = [b"1", b'{"type":5}', b'{"body":{}}', latin, json.dumps(csp()).encode()]
    assert receiver.take(BATCH, b"[" + b",".join(members) + b"]").status == 204
    assert len(reports) == 1
    assert receiver.totals().malformed == 4


def test_unknown_fields_are_ignored(receiver, reports):
    receiver.take(BATCH, batch({**csp(sample="alert(1)", statusCode=200, new={"x": [1]}), "extra": [None]}))
    assert len(reports) == 1


# Bounds


def test_reports_beyond_the_limit_of_a_batch_are_only_counted():
    receiver = ReportReceiver(max_reports=3)
    receiver.take(BATCH, batch(*[csp()] * 10))
    assert sum(receiver.counts().values()) == 3
    assert receiver.totals().beyond_batch == 7


def test_kinds_beyond_the_limit_share_one_count_for_each_type():
    receiver = ReportReceiver(max_kinds=2, log_period=0)
    for number in range(10):
        crash = {"type": "crash", "body": {"reason": f"r{number}"}}
        receiver.take(BATCH, batch(csp(f"https://{number}.example/"), crash))
    receiver.take(BATCH, batch(csp("https://0.example/")))
    counts = receiver.counts()
    assert counts == {
        ("csp-violation", "script-src-elem", "https://0.example"): 2,
        ("crash", "r0", ""): 1,
        ("csp-violation", "other", "other"): 9,
        ("crash", "other", "other"): 9,
    }
    assert receiver.totals().overflow == 18
    assert receiver.totals().counted == 21


def hostile(number):
    """A batch of fifty reports that no other batch repeats."""
    pad = "p" * 60
    return batch(*[csp(f"https://{pad}{number}-{m}.example/{pad}?{pad}", f"d{number}-{m}") for m in range(50)])


def test_a_hundred_thousand_hostile_reports_keep_little_and_take_little_time(caplog):
    receiver = ReportReceiver()
    bodies = [hostile(number) for number in range(200)]
    tracemalloc.start()
    for body in bodies[:100]:  # five times what the table holds
        receiver.take(BATCH, body)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 1_500_000
    assert peak < 2_000_000
    kinds = set(receiver.counts())
    started = time.process_time()
    for number in range(1900):
        receiver.take(BATCH, bodies[number % 200])
    seconds = time.process_time() - started
    assert receiver.totals().counted == 100_000
    assert set(receiver.counts()) == kinds  # so nothing more was kept
    assert len(kinds) == 1000 + 1
    assert seconds < 60  # it takes one or two: this catches what takes longer the more there are
    assert len([record for record in caplog.records if "browser report" in record.getMessage()]) == 101


def test_kinds_that_no_browser_sends_do_not_grow_the_table_beyond_the_types():
    receiver = ReportReceiver(max_kinds=1, log_period=0)
    for number in range(1000):
        receiver.take(BATCH, batch({"type": f"t{number}", "body": {"id": f"i{number}"}}))
    assert len(receiver.counts()) == 2


# Noise


@pytest.mark.parametrize(
    "fields",
    [
        {"blocked": "chrome-extension://abc/x.js"},
        {"blocked": "chrome-extension"},
        {"blocked": "moz-extension"},
        {"blocked": "safari-extension://abc"},
        {"blocked": "safari-web-extension://abc/"},
        {"blocked": "webkit-masked-url://hidden/"},
        {"blocked": "inline", "sourceFile": "moz-extension"},
    ],
)
def test_reports_of_browser_extensions_are_dropped_and_counted_apart(receiver, reports, fields):
    receiver.take(BATCH, batch(csp(**fields)))
    assert reports == []
    assert not receiver.counts()
    assert receiver.totals().extension == 1


# The log


def test_the_first_of_a_kind_is_logged_and_then_one_line_a_period(caplog, clock):
    receiver = ReportReceiver(log_period=60)
    for _ in range(5):
        receiver.take(BATCH, batch(csp("https://evil.example/x.js?secret=1")))
    assert lines(caplog) == [
        "browser report: csp-violation script-src-elem, blocked https://evil.example on https://shop.example/cart"
    ]
    clock[0] += 60
    receiver.take(BATCH, batch(csp()))
    receiver.take(BATCH, batch(csp()))
    assert len(caplog.records) == 2
    assert lines(caplog)[1].endswith("https://shop.example/cart; 4 more of this kind since the last line")


def test_a_report_only_violation_is_logged_as_such(caplog):
    ReportReceiver().take(BATCH, batch(csp("inline", disposition="report")))
    assert lines(caplog)[0].endswith("(report only)")


def test_many_kinds_do_not_flood_the_log(caplog, clock):
    receiver = ReportReceiver(log_period=60)
    for number in range(500):
        receiver.take(BATCH, batch(csp(f"https://{number}.example")))
    assert len(caplog.records) == 101
    assert "counted but not logged" in lines(caplog)[-1]
    clock[0] += 60
    receiver.take(BATCH, batch(csp("https://400.example")))
    assert len(caplog.records) == 102


def test_nothing_sent_can_make_a_line_of_the_log(caplog):
    forged = "https://a.example/\r\nERROR perfkit: all is lost\x85\u2028"
    receiver = ReportReceiver()
    receiver.take(LEGACY, legacy(document_uri=forged, blocked_uri=forged, violated_directive=forged))
    assert len(caplog.records) == 1
    assert lines(caplog)[0].isprintable()


def test_a_period_of_zero_logs_nothing(caplog):
    receiver = ReportReceiver(log_period=0)
    receiver.take(BATCH, batch(csp()))
    assert lines(caplog) == []
    assert receiver.totals().counted == 1


# The callback and sampling


def test_an_error_in_the_callback_is_logged_once_and_costs_nothing(caplog):
    def broken(report):
        raise LookupError("no database")

    receiver = ReportReceiver(on_report=broken, log_period=0)
    for _ in range(3):
        assert receiver.take(BATCH, batch(csp(), csp())).status == 204
    assert receiver.totals().counted == 6
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "no database" in caplog.text


def test_sampling_looks_at_a_share_of_the_requests(monkeypatch):
    monkeypatch.setattr(random, "random", iter([0.05, 0.5, 0.1, 0.09]).__next__)
    receiver = ReportReceiver(sample=0.1)
    assert [receiver.take(BATCH, batch(csp())).status for _ in range(4)] == [204] * 4
    assert receiver.totals().counted == 2
    assert receiver.totals().unsampled == 2


def test_a_sample_of_zero_looks_at_none():
    receiver = ReportReceiver(sample=0)
    assert receiver.take(BATCH, b"broken").status == 204
    assert receiver.totals().unsampled == 1


# The head of a request


def test_a_preflight_from_another_origin_is_allowed():
    reply = refuse("OPTIONS", None, None)
    assert reply.status == 204
    assert headers(reply)["Access-Control-Allow-Origin"] == "*"
    assert headers(reply)["Access-Control-Allow-Methods"] == "POST"
    assert headers(reply)["Access-Control-Allow-Headers"] == "Content-Type"
    assert headers(reply)["Allow"] == "POST, OPTIONS"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "post", ""])
def test_other_methods_are_told_which_are_allowed(method):
    reply = refuse(method, BATCH, "10")
    assert (reply.status, headers(reply)["Allow"]) == (405, "POST, OPTIONS")


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/json", "application/csp-reports"])
def test_other_content_types_are_refused(content_type):
    reply = refuse("POST", content_type, "10")
    assert (reply.status, headers(reply)["Accept-Post"]) == (415, "application/csp-report, application/reports+json")


@pytest.mark.parametrize("content_type", [BATCH, LEGACY, "Application/Reports+JSON ; charset=utf-8"])
def test_reports_are_let_in_whatever_the_parameters_of_their_type(content_type, receiver, reports):
    assert receiver.refuse("POST", content_type, "10") is None
    assert receiver.refuse("POST", content_type, None) is None


@pytest.mark.parametrize("length", ["65537", "9" * 100_000, "99999999999"])
def test_a_body_above_the_limit_is_refused_by_its_length(length):
    assert refuse("POST", BATCH, length).status == 413


def test_a_body_at_the_limit_is_let_in():
    assert ReportReceiver().refuse("POST", BATCH, "00065536") is None


@pytest.mark.parametrize("length", ["-1", "ten", "1_0", "\u0661", "+5", " "])
def test_a_length_that_is_none_is_a_bad_request(length):
    assert refuse("POST", BATCH, length).status == 400


def test_every_answer_may_be_read_by_another_origin(receiver):
    replies = [
        receiver.refuse("GET", None, None),
        receiver.refuse("POST", "text/plain", None),
        receiver.too_large(),
        receiver.no_length(),
        receiver.take(BATCH, b"{"),
        receiver.take(BATCH, batch(csp())),
    ]
    assert {headers(reply)["Access-Control-Allow-Origin"] for reply in replies} == {"*"}


# Options


def test_a_bad_option_is_named():
    with pytest.raises(ConfigurationError) as caught:
        ReportReceiver(sample=2)
    assert caught.value.setting == "reports.sample"


def test_a_receiver_and_options_together_are_refused():
    with pytest.raises(TypeError, match="not both"):
        ReportReceiver.shared(ReportReceiver(), {"sample": 0.5})
