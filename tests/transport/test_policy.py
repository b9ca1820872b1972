"""The retry table, cell by cell, on a clock that moves when somebody sleeps.

What a cell is hit by is made as the wire makes it: from an answer, or from none.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune_sdk.errors import (
    AuthenticationError,
    ConnectionFailedError,
    FineTuneError,
    ProviderError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    SunsetError,
)
from finetune_sdk.providers._openai_wire.failures import (
    NO_METADATA,
    NOT_READY,
    failure_of,
    lost,
    unreadable,
)
from finetune_sdk.providers._openai_wire.requests import Answer, Request
from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport.deadlines import CALL_SECONDS, Deadline, upload_seconds
from finetune_sdk.transport.policy import LONGEST_WAIT, TRIES, Budget, Policy, Use, may_retry

USES: tuple[Use, ...] = ("read", "create", "put", "delete", "upload")
BACKOFFS = (0.5, 1.0, 2.0, 4.0)
"""The longest pause before each further try."""

Fault = Callable[[Request], FineTuneError]


class SleepyClock(VirtualClock):
    """Remembers how long it was slept."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        super().sleep(seconds)


@dataclass
class Bench:
    """One policy, and what happens to its requests, in order; then they are answered."""

    jitter: Callable[[], float] = lambda: 1.0
    clock: SleepyClock = field(default_factory=SleepyClock)
    tries: int = 0

    def __post_init__(self) -> None:
        self.policy = Policy(self.clock, jitter=self.jitter)

    def run(
        self,
        use: Use,
        *faults: Exception,
        seconds: float = 1000.0,
        renew: Callable[[], bool] | None = None,
        takes: float = 0.0,
    ) -> str:
        coming = iter(faults)

        def attempt(_: Deadline) -> str:
            self.tries += 1
            self.clock.advance(takes)
            if (fault := next(coming, None)) is not None:
                raise fault
            return "answered"

        return self.policy.run(use, attempt, seconds=seconds, renew=renew)


def request_of(use: Use) -> Request:
    return Request(use=use, method="GET" if use == "read" else "POST", path="/x")


def answered(
    status: int, said: str = '{"error": {"message": "no", "code": "c"}}', **headers: str
) -> Fault:
    """The service, or what stands before it, says so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Answer(status, named, said.encode())
    return lambda request: failure_of(
        answer, request, provider="openai", place="https://x", key="x", now=VirtualClock().now()
    )


def code(word: str, kind: str = "x") -> str:
    return f'{{"error": {{"message": "no", "code": "{word}", "type": "{kind}"}}}}'


def message(words: str, param: str = "") -> str:
    return f'{{"error": {{"message": "{words}", "code": "c", "param": "{param}"}}}}'


def silent(*, arrived: bool) -> Fault:
    return lambda request: lost(request, provider="openai", place="x", why="gone", arrived=arrived)


def garbled(request: Request) -> FineTuneError:
    return unreadable(Answer(200, {}, b"<html>"), request, provider="openai", why="html")


STRANGE = "<html>slow down</html>"
"""What no service of the vendor's says: somebody in between does."""

LOST: Mapping[str, Fault] = {
    "read timeout, reset": silent(arrived=True),
    "a 2xx that cannot be read": garbled,
    **{f"{status}": answered(status) for status in (408, 425, 500, 502, 503, 504, 529)},
    "503 in a strange shape": answered(503, STRANGE),
}
NOT_SENT: Mapping[str, Fault] = {"refused, DNS, TLS, connect timeout": silent(arrived=False)}
ASKED: Mapping[str, Fault] = {
    "429 that asks for 300 ms": answered(429, retry_after_ms="300"),
    "429 that asks for 7 s": answered(429, retry_after="7"),
    "429 that asks for 120 s": answered(429, retry_after="120"),
    "429 that asks for no time": answered(429, retry_after="0"),
}
STRANGELY_ASKED: Mapping[str, Fault] = {
    "429 of somebody else that asks for 7 s": answered(429, STRANGE, retry_after="7"),
    "503 that asks for 7 s": answered(503, retry_after="7"),
    "429 of somebody else": answered(429, STRANGE),
    "429 with an error of nulls": answered(429, '{"error": {"message": null, "code": null}}'),
}
TOO_LONG: Mapping[str, Fault] = {
    "429 that asks for 121 s": answered(429, retry_after="121"),
    "429 that asks for an hour": answered(429, retry_after="3600"),
    "a daily limit": answered(429, code("daily_rate_limit_exceeded", "invalid_request_error")),
    "a daily limit that asks for 3 s": answered(
        429, code("daily_rate_limit_exceeded"), retry_after="3"
    ),
    "a quota": answered(429, code("insufficient_quota")),
    "a quota by its type": answered(429, code("x", "insufficient_quota")),
    "a quota that asks for 3 s": answered(429, code("insufficient_quota"), retry_after="3"),
    "billing": answered(429, code("billing_hard_limit_reached")),
    "billing with 403": answered(403, code("billing_not_active")),
}
REFUSED: Mapping[str, Fault] = {
    f"{status}": answered(status) for status in (400, 403, 404, 410, 413, 418, 422)
}
REDIRECTED: Mapping[str, Fault] = {f"{n}": answered(n) for n in (300, 301, 302, 303, 307, 308)}
MENDED: Mapping[str, Fault] = {
    NOT_READY: answered(400, message("File 'f' is not ready")),
    NO_METADATA: answered(400, message("no", "metadata")),
}


def cells(rows: Mapping[str, Fault], *uses: Use) -> pytest.MarkDecorator:
    """Each of the rows in each of the columns."""
    found = [(use, fault) for use in uses for fault in rows.values()]
    names = [f"{use}: {name}" for use in uses for name in rows]
    return pytest.mark.parametrize(("use", "fault"), found, ids=names)


def failed(bench: Bench, use: Use, fault: Fault) -> ProviderError:
    """The error of a request that is not sent again."""
    error = fault(request_of(use))
    with pytest.raises(ProviderError) as caught:
        bench.run(use, error)
    assert caught.value is error
    assert (bench.tries, bench.clock.slept) == (1, [])
    return caught.value


@cells(NOT_SENT, *USES)
def test_what_was_not_sent_is_sent_again(use: Use, fault: Fault) -> None:
    bench = Bench()
    assert bench.run(use, fault(request_of(use)), fault(request_of(use))) == "answered"
    assert (bench.tries, bench.clock.slept) == (3, [0.5, 1.0])


@cells(LOST, "read", "put", "delete", "upload")
def test_what_got_lost_is_sent_again_where_it_buys_nothing(use: Use, fault: Fault) -> None:
    bench = Bench()
    assert bench.run(use, fault(request_of(use))) == "answered"
    assert (bench.tries, bench.clock.slept) == (2, [0.5])


@cells({**LOST, **STRANGELY_ASKED, **REDIRECTED, "409": answered(409)}, "create")
def test_a_create_that_may_have_arrived_is_looked_for(use: Use, fault: Fault) -> None:
    assert failed(Bench(), use, fault).effect == "unknown"


@cells(ASKED, *USES)
def test_a_short_wait_is_waited(use: Use, fault: Fault) -> None:
    bench, error = Bench(), fault(request_of(use))
    assert isinstance(error, RateLimitError)
    assert error.retry_after is not None
    assert bench.run(use, error) == "answered"
    assert bench.clock.slept == [pytest.approx(error.retry_after + 1.0)]


@cells(STRANGELY_ASKED, "read", "put", "delete", "upload")
def test_a_strangers_wait_is_waited_where_it_buys_nothing(use: Use, fault: Fault) -> None:
    bench, error = Bench(), fault(request_of(use))
    assert isinstance(error, ProviderError)
    assert bench.run(use, error) == "answered"
    asked = error.retry_after
    assert bench.clock.slept == [0.5 if asked is None else asked + 1.0]


@cells({"429": answered(429)}, *USES)
def test_a_limit_that_asks_for_nothing_is_backed_off_from(use: Use, fault: Fault) -> None:
    bench = Bench()
    errors = [fault(request_of(use)) for _ in range(2)]
    assert bench.run(use, *errors) == "answered"
    assert bench.clock.slept == [0.5, 1.0]


@cells(TOO_LONG, *USES)
def test_what_no_wait_of_ours_mends_fails_at_once(use: Use, fault: Fault) -> None:
    assert failed(Bench(), use, fault).effect == "none"


@pytest.mark.parametrize("asked", ["121", "3600"])
def test_a_long_wait_is_told_to_the_caller(asked: str) -> None:
    error = failed(Bench(), "create", answered(429, retry_after=asked))
    assert isinstance(error, RateLimitError)
    assert error.retry_after == float(asked)
    assert f"wait {asked} s" in str(error)


def test_a_quota_is_an_error_of_its_own() -> None:
    error = failed(Bench(), "create", answered(429, code("insufficient_quota")))
    assert isinstance(error, QuotaExceededError)


@cells(REFUSED, *USES)
def test_what_is_refused_fails_at_once(use: Use, fault: Fault) -> None:
    assert failed(Bench(), use, fault).effect == "none"


@cells({**REDIRECTED, "409": answered(409)}, "read", "put", "delete", "upload")
def test_a_redirect_and_a_conflict_fail_at_once(use: Use, fault: Fault) -> None:
    failed(Bench(), use, fault)


@cells(MENDED, "create")
def test_a_refusal_that_can_be_mended_says_what_is_wrong(use: Use, fault: Fault) -> None:
    error = failed(Bench(), use, fault)
    assert error.code in MENDED
    assert error.effect == "none"


def test_the_same_words_about_something_else_are_no_such_refusal() -> None:
    for fault in MENDED.values():
        assert failed(Bench(), "upload", fault).code == "c"


@pytest.mark.parametrize(("seconds", "tries"), [(BACKOFFS[0], 1), (BACKOFFS[0] + 0.1, 2)])
def test_a_pause_that_takes_all_that_is_left_is_not_begun(seconds: float, tries: int) -> None:
    bench = Bench()
    with pytest.raises(ConnectionFailedError):
        bench.run("read", gone(), gone(), seconds=seconds)
    assert bench.tries == tries


def test_an_upload_gets_a_minute_and_its_size_at_two_megabits() -> None:
    assert [upload_seconds(size) for size in (0, 2**18, 2**30)] == [60, 61, 60 + 4096]


# Credentials


def unauthorized() -> AuthenticationError:
    return AuthenticationError("no", provider="openai", status_code=401)


@pytest.mark.parametrize("use", USES)
def test_a_new_credential_is_tried_once(use: Use) -> None:
    bench, asked = Bench(), itertools.count()
    assert bench.run(use, unauthorized(), renew=lambda: next(asked) >= 0) == "answered"
    assert (bench.tries, next(asked), bench.clock.slept) == (2, 1, [0.0])


@pytest.mark.parametrize("use", USES)
def test_a_credential_that_stays_wrong_is_not_asked_for_again(use: Use) -> None:
    bench, asked = Bench(), itertools.count()
    with pytest.raises(AuthenticationError):
        bench.run(use, *(unauthorized() for _ in range(5)), renew=lambda: next(asked) >= 0)
    assert (bench.tries, next(asked)) == (2, 1)


def test_for_a_last_try_no_credential_is_renewed() -> None:
    bench, asked = Bench(), itertools.count()
    faults = [ServerError("down", provider="openai", retryable=True) for _ in BACKOFFS]
    with pytest.raises(AuthenticationError):
        bench.run("read", *faults, unauthorized(), renew=lambda: next(asked) >= 0)
    assert (bench.tries, next(asked)) == (TRIES, 0)


@pytest.mark.parametrize("renew", [None, lambda: False])
def test_without_another_credential_it_fails_at_once(renew: Callable[[], bool] | None) -> None:
    bench = Bench()
    with pytest.raises(AuthenticationError):
        bench.run("read", unauthorized(), renew=renew)
    assert bench.tries == 1


def test_a_new_credential_costs_no_retry() -> None:
    bench = Bench()
    for _ in range(50):
        bench.run("read", unauthorized(), renew=lambda: True)
    assert bench.run("read", *(gone() for _ in range(4))) == "answered"


# How often, how long


def gone() -> ConnectionFailedError:
    return ConnectionFailedError("gone", provider="openai")


def test_five_tries_and_the_last_error() -> None:
    bench, errors = Bench(), [gone() for _ in range(9)]
    with pytest.raises(ConnectionFailedError) as caught:
        bench.run("read", *errors)
    assert caught.value is errors[TRIES - 1]
    assert (bench.tries, tuple(bench.clock.slept)) == (TRIES, BACKOFFS)


@given(parts=st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_pauses_are_a_random_part_of_what_doubles(parts: list[float]) -> None:
    bench = Bench(jitter=iter(parts).__next__)
    assert bench.run("read", *(gone() for _ in range(4))) == "answered"
    expected = [part * most for part, most in zip(parts, BACKOFFS, strict=True)]
    assert bench.clock.slept == expected
    assert all(0 <= slept <= 20 for slept in bench.clock.slept)


@given(asked=st.floats(0, LONGEST_WAIT), part=st.floats(0, 1))
def test_a_wait_is_never_cut_and_at_most_a_second_longer(asked: float, part: float) -> None:
    bench = Bench(jitter=lambda: part)
    bench.run("read", RateLimitError("slow", provider="openai", retry_after=asked))
    (slept,) = bench.clock.slept
    assert asked <= slept <= asked + 1


@given(asked=st.floats(LONGEST_WAIT, exclude_min=True, allow_infinity=True))
def test_a_longer_wait_is_never_waited(asked: float) -> None:
    error = RateLimitError("slow", provider="openai", retry_after=asked)
    assert not any(may_retry(use, error) for use in USES)


def test_the_usual_jitter_is_random() -> None:
    clock = SleepyClock()
    policy = Policy(clock)
    for _ in range(5):
        faults = iter([gone()])

        def attempt(_: Deadline, faults: Iterator[Exception] = faults) -> None:
            for fault in faults:
                raise fault

        policy.run("read", attempt)
    assert len(set(clock.slept)) > 1
    assert all(0 <= slept <= 0.5 for slept in clock.slept)


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SunsetError("over")])
def test_what_is_no_error_of_a_provider_passes_through(error: BaseException) -> None:
    def attempt(_: Deadline) -> None:
        raise error

    clock = SleepyClock()
    with pytest.raises(type(error)) as caught:
        Policy(clock).run("read", attempt)
    assert caught.value is error
    assert clock.slept == []


# The deadline


def test_no_try_begins_behind_the_deadline() -> None:
    bench = Bench()
    with pytest.raises(ConnectionFailedError):
        bench.run("read", *(gone() for _ in range(5)), seconds=30, takes=10)
    # 10 s, pause 0.5, 10 s, pause 1, 10 s: then none is left.
    assert (bench.tries, bench.clock.slept) == (3, [0.5, 1.0])
    assert bench.clock.monotonic() == 31.5


def test_a_wait_that_the_server_asks_for_does_not_count_to_the_deadline() -> None:
    bench = Bench()
    slow = RateLimitError("slow", provider="openai", retry_after=100)
    assert bench.run("read", slow, seconds=20) == "answered"
    assert len(bench.clock.slept) == 1
    assert 100 <= bench.clock.slept[0] <= 101


def test_every_try_gets_the_same_deadline() -> None:
    clock = VirtualClock()
    seen: list[float] = []

    def attempt(deadline: Deadline) -> None:
        seen.append(deadline.left())
        clock.advance(1.0)
        if len(seen) < 3:
            raise gone()

    Policy(clock, jitter=lambda: 1.0).run("read", attempt)
    assert seen == [CALL_SECONDS, CALL_SECONDS - 1.5, CALL_SECONDS - 3.5]


class Shifted(SleepyClock):
    """Its wall clock was set wrong, and set again."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=3650 if self.slept else -1)


def test_the_wall_clock_moves_no_deadline() -> None:
    bench = Bench(clock=Shifted())
    assert bench.run("read", gone(), gone(), seconds=2) == "answered"


@given(size=st.integers(0, 10**13))
def test_an_upload_has_time_by_its_size(size: int) -> None:
    assert upload_seconds(size) >= 60
    assert upload_seconds(size) >= size / (256 * 1024)
    assert math.isfinite(upload_seconds(size))


# The budget


def exhaust(bench: Bench) -> None:
    for _ in range(2):
        with pytest.raises(ServerError):
            bench.run("read", *(ServerError("500", provider="openai") for _ in range(9)))


def test_a_service_that_fails_is_soon_asked_once_a_call() -> None:
    bench = Bench()
    exhaust(bench)
    # Five retries in all, and each call's own first try.
    assert bench.tries == 7
    with pytest.raises(ServerError):
        bench.run("read", ServerError("500", provider="openai"))
    assert bench.tries == 8


def test_answers_fill_the_budget_again() -> None:
    bench = Bench()
    exhaust(bench)
    for _ in range(50):
        bench.run("read")
    tries = bench.tries
    with pytest.raises(ServerError):
        bench.run("read", *(ServerError("500", provider="openai") for _ in range(9)))
    assert bench.tries == tries + TRIES


def test_a_failure_that_is_not_tried_again_costs_nothing() -> None:
    bench = Bench()
    for _ in range(100):
        with pytest.raises(ServerError):
            bench.run("create", ServerError("500", provider="openai", effect="unknown"))
    assert bench.run("read", *(gone() for _ in range(4))) == "answered"


def test_each_policy_has_a_budget_of_its_own() -> None:
    exhaust(Bench())
    assert Bench().run("read", *(gone() for _ in range(4))) == "answered"


@given(moves=st.lists(st.booleans(), max_size=300))
def test_the_budget_gives_what_it_was_given(moves: list[bool]) -> None:
    budget, given_, answers = Budget(), 0, 0
    for takes in moves:
        if takes:
            allowed = budget.take()
            assert allowed or given_ >= 5
            given_ += allowed
        else:
            budget.succeeded()
            answers += 1
        assert given_ <= 6 + answers * Budget.BACK
