"""How long a server asks to wait: every form that is met, and nonsense of every kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from finetune_sdk.transport.waits import asked_wait, duration

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
NAMES = (
    "retry-after-ms",
    "retry-after",
    "date",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
)


def wait(**headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return asked_wait(named, now=NOW)


def limits(**headers: str) -> float | None:
    named = {f"x-ratelimit-{name.replace('_', '-')}": value for name, value in headers.items()}
    return asked_wait(named, now=NOW)


@pytest.mark.parametrize(
    ("text", "seconds"), [("300", 0.3), ("0", 0.0), ("1500.5", 1.5005), (" 20 ", 0.02)]
)
def test_milliseconds(text: str, seconds: float) -> None:
    assert wait(retry_after_ms=text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "seconds"), [("12", 12.0), ("1.5", 1.5), ("0", 0.0), (" 7 ", 7.0), ("121", 121.0)]
)
def test_seconds(text: str, seconds: float) -> None:
    assert wait(retry_after=text) == seconds


def test_milliseconds_are_more_exact_than_seconds() -> None:
    assert wait(retry_after_ms="1200", retry_after="2") == 1.2


def test_milliseconds_that_are_none_leave_the_seconds() -> None:
    assert wait(retry_after_ms="soon", retry_after="2") == 2


@pytest.mark.parametrize("seconds", [0, 1, 90, 86400])
def test_a_moment(seconds: int) -> None:
    then = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert wait(retry_after=then) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "Thu, 26 Nov 2026 12:01:00 GMT",
        "Thursday, 26-Nov-26 12:01:00 GMT",
        "Thu Nov 26 12:01:00 2026",
        "Thu, 26 Nov 2026 13:01:00 +0100",
    ],
)
def test_a_moment_in_all_the_forms_of_http(text: str) -> None:
    assert wait(retry_after=text) == 60


def test_a_moment_that_has_passed_is_now() -> None:
    assert wait(retry_after="Thu, 26 Nov 2020 12:00:00 GMT") == 0


@pytest.mark.parametrize("wrong_by", [timedelta(days=-1), timedelta(days=3650)])
def test_a_clock_that_is_wrong_here_does_no_harm(wrong_by: timedelta) -> None:
    headers = {
        "retry-after": "Thu, 26 Nov 2026 12:00:30 GMT",
        "date": "Thu, 26 Nov 2026 12:00:00 GMT",
    }
    assert asked_wait(headers, now=NOW + wrong_by) == 30


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("6m0s", 360.0),
        ("1h2m3s", 3723.0),
        ("20ms", 0.02),
        ("1.5s", 1.5),
        ("250us", 0.00025),
        ("250µs", 0.00025),
        ("1m30.5s", 90.5),
        ("0s", 0.0),
        (" 2s ", 2.0),
    ],
)
def test_a_duration_as_go_writes_it(text: str, seconds: float) -> None:
    assert duration(text) == pytest.approx(seconds)


def test_the_limit_that_is_used_up_tells_when_it_is_full() -> None:
    assert limits(remaining_requests="0", reset_requests="6m0s") == 360
    assert limits(remaining_tokens="0", reset_tokens="20ms") == pytest.approx(0.02)


def test_of_two_limits_the_later_counts() -> None:
    both = {"remaining_requests": "0", "remaining_tokens": "0"}
    assert limits(**both, reset_requests="2s", reset_tokens="9s") == 9
    assert limits(**both, reset_requests="2s", reset_tokens="soon") == 2


def test_a_limit_that_is_not_used_up_asks_for_nothing() -> None:
    assert limits(remaining_requests="3", reset_requests="6m0s") is None
    assert limits(reset_requests="6m0s") is None


def test_what_is_asked_for_in_words_comes_before_the_limits() -> None:
    headers = {"retry-after": "1", "x-ratelimit-remaining-requests": "0"}
    assert asked_wait({**headers, "x-ratelimit-reset-requests": "9s"}, now=NOW) == 1


NONSENSE = (
    *("", " ", "soon", "-1", "nan", "inf", "1e3", "0x10", "1_0", "٣", "12, 12", "1,5", "\x00"),
    *("Thu, 99 Nov 2026 12:00:00 GMT", "Thu, 26 Nov 2026 99:00:00 +9999", "26 Nov 99999"),
    "9" * 400,
)


@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms"])
@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_asks_for_nothing(name: str, text: str) -> None:
    assert asked_wait({name: text}, now=NOW) is None


@pytest.mark.parametrize("text", ["", "5", "s", "1d", "-1s", "1s 2s", "1sx", "x1s", "1.s", "m1"])
def test_nonsense_is_no_duration(text: str) -> None:
    assert duration(text) is None


def test_without_headers_nothing_is_asked_for() -> None:
    assert wait() is None


@given(
    hours=st.integers(0, 999),
    minutes=st.integers(0, 59),
    seconds=st.integers(0, 59),
    thousandths=st.integers(0, 999),
)
def test_a_duration_is_the_sum_of_its_parts(
    hours: int, minutes: int, seconds: int, thousandths: int
) -> None:
    whole = hours * 3600 + minutes * 60 + seconds + thousandths / 1000
    assert duration(f"{hours}h{minutes}m{seconds}s{thousandths}ms") == pytest.approx(whole)
    assert duration(f"{hours}h{minutes}m{seconds}.{thousandths:03}s") == pytest.approx(whole)


@given(
    then=st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)),
    hours=st.integers(-12, 12),
)
def test_a_moment_is_the_same_in_every_zone(then: datetime, hours: int) -> None:
    then = then.replace(microsecond=0, tzinfo=UTC)
    zone = timezone(timedelta(hours=hours))
    asked = wait(retry_after=format_datetime(then.astimezone(zone)))
    assert asked == max((then - NOW).total_seconds(), 0)


WORDS = st.sampled_from(
    ["", "0", "3", "-3", "1e9", "nan", "6m0s", "20ms", "Thu, 26 Nov 2026 12:00:00 GMT", "26 Nov"]
)
TEXTS = WORDS | st.text(max_size=40) | st.from_regex(r"[0-9hmsu.]{0,20}", fullmatch=True)
PLACES = st.sampled_from(["0", "1", "07", "26", "60", "99", "1969", "2026", "9999", "123456", "x"])
DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}".format,
    *(st.sampled_from(["Thu", "", "X"]), PLACES, st.sampled_from(["Nov", "nov", "11", "Xyz"])),
    *(PLACES, PLACES, PLACES, PLACES),
    st.sampled_from(["GMT", "", "EST", "+0100", "-2359", "+9999", "-999999", "Z", "A"]),
)


@settings(max_examples=750, deadline=None)
@example({"retry-after": "Thu, 26 Nov 2026 12:00:00 -9999"})
@example({"retry-after": "0001 Jan 1 00:00:00 +2359", "date": "9999 Dec 31 23:59:59 -2359"})
@given(headers=st.dictionaries(st.sampled_from(NAMES), TEXTS | DATES))
def test_no_header_is_an_exception_or_a_negative_wait(headers: Mapping[str, str]) -> None:
    asked = asked_wait(headers, now=NOW)
    assert asked is None or (asked >= 0 and math.isfinite(asked))


@settings(max_examples=500, deadline=None)
@given(text=TEXTS)
def test_no_duration_is_an_exception_or_negative(text: str) -> None:
    found = duration(text)
    assert found is None or (found >= 0 and math.isfinite(found))
