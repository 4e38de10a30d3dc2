"""Entity tags and HTTP dates, against a slow reader of the grammar."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from time import perf_counter, tzset

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perfkit._validators import (
    entity_tag,
    holds_strongly,
    holds_weakly,
    http_date,
    is_entity_tag,
    read_date,
    read_tags,
    seconds_of,
)
from tests.features.conditional_get import grammar

# Texts that often are lists of tags and often nearly are.
PIECES = st.lists(
    st.sampled_from(['"', '"a"', 'W/"a"', 'W/"b"', '"a,b"', "W/", "w/", ",", " ", "\t", "a", "*", "\xff"])
)
LISTS = PIECES.map("".join) | st.text(st.characters(max_codepoint=255))


@given(LISTS)
@example('"a,b", W/"c"')
@example(', ,"a" ,\t"b",')
@example('"a""b"')
@example('"a"\n')
@example('w/"a"')
@example("")
def test_a_list_is_read_as_the_grammar_has_it(value):
    expected = grammar.entity_tags(value)
    tags = read_tags(value)
    assert (None if tags is None else [grammar.entity_tag(tag) for tag in tags]) == expected


@given(LISTS, st.sampled_from(['"a"', 'W/"a"', '"a,b"', 'W/"b"', '"\xff"', '""']))
def test_the_comparisons_are_those_of_the_table(value, tag):
    current = grammar.entity_tag(tag)
    assert current is not None
    listed = grammar.entity_tags(value) or []
    assert holds_strongly(value, tag) == any(grammar.strongly_equal(current, each) for each in listed)
    assert holds_weakly(value, tag) == any(grammar.weakly_equal(current, each) for each in listed)


@given(LISTS)
@example('w/"a"')
def test_one_tag(text):
    assert is_entity_tag(text) == (grammar.entity_tag(text) is not None)


@pytest.mark.parametrize(
    ("text", "tag"), [("v1", '"v1"'), ('"v1"', '"v1"'), ('W/"v1"', 'W/"v1"'), ("W/v1", '"W/v1"'), ("", '""')]
)
def test_quotes_are_added_where_they_are_missing(text, tag):
    assert entity_tag(text) == tag


@pytest.mark.parametrize("text", ['a"b', "a b", "a\r\nSet-Cookie: x", "ж", '"a', "\x7f"])
def test_what_cannot_be_a_tag_is_refused(text):
    with pytest.raises(ValueError, match="cannot be an entity tag"):
        entity_tag(text)


# Dates

SUNDAY = 784111777


@pytest.mark.parametrize(
    "text", ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
)
def test_the_three_formats_of_the_rfc(text):
    assert read_date(text) == SUNDAY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, \u06606 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "784111777",
        "garbage",
    ],
)
def test_what_is_no_date(text):
    assert read_date(text) is None


def test_a_leap_second_is_the_first_of_the_next_minute():
    assert read_date("Sat, 31 Dec 2016 23:59:60 GMT") == read_date("Sun, 01 Jan 2017 00:00:00 GMT")


def test_a_year_of_two_digits_is_not_far_in_the_future():
    this_year = datetime.now(UTC).year

    def year(digits: int) -> int:
        seconds = read_date(f"Sunday, 06-Nov-{digits % 100:02} 08:49:37 GMT")
        assert seconds is not None
        return datetime.fromtimestamp(seconds, UTC).year

    assert year(this_year) == this_year
    assert year(this_year + 50) in (this_year + 50, this_year - 50)
    assert year(this_year + 51) == this_year - 49


TEXTS = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}{} {}{:02}{}{}{}{} {}:{:02}:{:02}{}".format,
        st.sampled_from(["Sun", "Sunday", "sun", ""]),
        st.sampled_from([",", ""]),
        st.sampled_from(["", "Nov ", " "]),
        st.integers(0, 40),
        st.sampled_from([" ", "-"]),
        st.sampled_from(["Nov", "Feb", "nov"]),
        st.sampled_from([" ", "-"]),
        st.sampled_from(["1994", "94", "9999", "0000"]),
        st.sampled_from(["08", "24", "8"]),
        st.integers(0, 70),
        st.integers(0, 59),
        st.sampled_from([" GMT", "", " UTC"]),
    ),
    st.builds(
        "{} {} {} 08:49:{:02} {}".format,
        st.sampled_from(["Sun", "Sunday"]),
        st.sampled_from(["Nov", "Feb"]),
        st.sampled_from([" 6", "06", "6", "30", "  6"]),
        st.integers(0, 59),
        st.sampled_from(["1994", "94"]),
    ),
)


@given(TEXTS)
def test_a_date_is_read_as_the_grammar_has_it(text):
    expected = grammar.http_date(text)
    assert read_date(text) == (None if expected is None else int(expected.timestamp()))


@given(st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC)))  # noqa: DTZ001 - as hypothesis wants it
def test_a_date_that_is_written_can_be_read(moment):
    text = http_date(moment)
    assert read_date(text) == seconds_of(moment)
    assert grammar.http_date(text) == moment.replace(microsecond=0)


def test_moments_of_all_kinds():
    expected = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert http_date(datetime(1994, 11, 6, 8, 49, 37, 999999, tzinfo=UTC)) == expected
    assert http_date(datetime(1994, 11, 6, 9, 49, 37, tzinfo=timezone(timedelta(hours=1)))) == expected
    naive = datetime(1994, 11, 6, 8, 49, 37)  # noqa: DTZ001 - that is the point
    assert http_date(naive) == expected
    assert http_date(SUNDAY) == http_date(SUNDAY + 0.9) == expected
    assert http_date(-0.5) == "Wed, 31 Dec 1969 23:59:59 GMT"
    changed = Path(__file__).stat().st_mtime
    assert read_date(http_date(changed)) == int(changed)
    with pytest.raises(OverflowError):
        http_date(1e12)


def test_a_moment_without_a_time_zone_is_in_utc_wherever_the_machine_is(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    tzset()
    try:
        assert seconds_of(datetime(1994, 11, 6, 8, 49, 37)) == SUNDAY  # noqa: DTZ001 - that is the point
    finally:
        monkeypatch.undo()
        tzset()


# Time


@pytest.mark.parametrize(
    "value",
    [
        '"a",' * 25_000,
        '"a",' * 25_000 + "x",
        "," * 100_000,
        ", " * 50_000 + "x",
        '"' * 100_000,
        '"' * 99_999,
        '"a" ' * 25_000,
        "W/" * 50_000,
        '"' + "a" * 100_000,
        '"' + "a, " * 33_000 + '"x',
        '""' * 50_000,
    ],
)
def test_a_long_list_is_read_quickly(value):
    started = perf_counter()
    read_tags(value)
    holds_weakly(value, '"b"')
    holds_strongly(value, '"b"')
    # Quadratic, this would take minutes.
    assert perf_counter() - started < 1
