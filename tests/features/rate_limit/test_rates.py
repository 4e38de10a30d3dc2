"""Limits as settings write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfkit.features.rate_limit import Concurrency, Rate, parse_limits
from perfkit.options import BadOption

DAY = 86_400


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("10/s", [Rate(10, 1)]),
        ("100/minute", [Rate(100, 60)]),
        ("2000/hour", [Rate(2000, 3600)]),
        ("10/min", [Rate(10, 60)]),
        ("10 per 5 minutes", [Rate(10, 300)]),
        ("10/5minutes", [Rate(10, 300)]),
        ("10 per minute", [Rate(10, 60)]),
        ("1/day", [Rate(1, DAY)]),
        ("1/week", [Rate(1, 7 * DAY)]),
        ("1/year", [Rate(1, 365 * DAY)]),
        ("5 per 10 YEARS", [Rate(5, 3650 * DAY)]),
        ("10/second, 100/minute", [Rate(10, 1), Rate(100, 60)]),
        ("10/second;100/minute", [Rate(10, 1), Rate(100, 60)]),
        ("2 concurrent", [Concurrency(2)]),
        ("2 CONCURRENT, 10/H", [Concurrency(2), Rate(10, 3600)]),
        (" \t10 /\n Minute ", [Rate(10, 60)]),
        ("0010/minute", [Rate(10, 60)]),
        ("999999999999999/s", [Rate(999_999_999_999_999, 1)]),
    ],
)
def test_what_can_be_written(text: str, limits: list[Rate | Concurrency]) -> None:
    assert list(parse_limits(text)) == limits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10/fortnight", "limits: '10/fortnight' is not a rate; write for example '10/minute'"),
        ("", "limits: '' is not a rate; write for example '10/minute'"),
        ("10/minute,", "limits: '' is not a rate; write for example '10/minute'"),
        ("10", "limits: '10' is not a rate; write for example '10/minute'"),
        ("-1/s", "limits: '-1/s' is not a rate; write for example '10/minute'"),
        ("1.5/s", "limits: '1.5/s' is not a rate; write for example '10/minute'"),
        ("10perminute", "limits: '10perminute' is not a rate; write for example '10/minute'"),
        ("\u0661/s", "limits: '\u0661/s' is not a rate; write for example '10/minute'"),
        ("10/\u017fecond", "limits: '10/\u017fecond' is not a rate; write for example '10/minute'"),
        (
            "10/month",
            "limits: '10/month' is not a rate; months differ in length, so write for example '1000 per 30 days'",
        ),
        ("0/s", "limits: '0/s' allows nothing at all; write a number from 1 up, as in '10/minute'"),
        ("1 per 0 s", "limits: '1 per 0 s' allows nothing at all; write a number from 1 up, as in '10/minute'"),
        ("0 concurrent", "limits: '0 concurrent' allows nothing at all; write a number from 1 up, as in '10/minute'"),
        (
            "1000000000000000/s",
            "limits: '1000000000000000/s' is more than can be counted; write at most 999999999999999",
        ),
        ("1 per 11 years", "limits: '1 per 11 years' is more than can be counted; write at most 10"),
        ("1/s, 60 per 1 second", "limits: '1/s, 60 per 1 second' has two limits for 1 seconds; keep the lower one"),
        (
            "1 concurrent, 2 concurrent",
            "limits: '1 concurrent, 2 concurrent' has two limits for concurrent requests; keep the lower one",
        ),
    ],
)
def test_what_cannot_says_what_to_write_instead(text: str, message: str) -> None:
    with pytest.raises(BadOption) as error:
        parse_limits(text)
    assert str(error.value) == message


def test_a_number_of_any_length_is_refused_with_a_short_message() -> None:
    with pytest.raises(BadOption, match="more than can be counted") as error:
        parse_limits("9" * 10_000 + "/s")
    assert len(str(error.value)) < 200


def test_the_error_names_the_option() -> None:
    with pytest.raises(BadOption) as error:
        parse_limits("x", "rules[1].limits")
    assert error.value.option == "rules[1].limits"


@given(st.text(alphabet="0123456789/ ,;perscondh\u0661\n", max_size=30))
@settings(deadline=None)
def test_any_text_is_limits_or_an_error(text: str) -> None:
    try:
        limits = parse_limits(text)
    except BadOption:
        return
    assert limits
    assert all(limit.quota >= 1 for limit in limits)
