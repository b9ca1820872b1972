"""What goes wrong between a fake and who asks it, and what becomes of it outside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from inspect import Parameter, isfunction, signature

import pytest

from finetune_sdk import (
    AuthenticationError,
    ConflictError,
    ConnectionFailedError,
    DatasetFileError,
    FineTuneError,
    JobStatus,
    NotFoundError,
    PermissionDeniedError,
    QuotaExceededError,
    RateLimitError,
    ServerError,
    StatusUnavailableError,
    SubmissionUnknownError,
)
from finetune_sdk.testing import FakeProvider, JobScript
from tests.testing.both import Both

HOUR = 3600.0
INTERFACE = "finetune_sdk.providers.base"
_PLACES = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
START = datetime(2026, 1, 1, tzinfo=UTC)


def passed(both: Both) -> timedelta:
    return both.fake.clock.now() - START


# Answers that get lost


def test_a_job_whose_answer_was_lost_is_found(both: Both) -> None:
    both.fake.lose_next("create_job")
    job = both.create()
    assert job.id == "ftjob-fake-1"
    assert len(both.fake.specs) == 1
    assert both.fake.calls.named("create_job", "find_jobs").names == ["create_job", "find_jobs"]


def test_a_create_that_never_arrived_is_unknown_and_can_be_given_up(both: Both) -> None:
    both.fake.lose_next("create_job", made=False)
    with pytest.raises(SubmissionUnknownError) as caught:
        both.create()
    assert both.fake.specs == []
    assert passed(both) == timedelta(seconds=30)
    assert both.jobs("recover", caught.value.submission_id, abandon=True) is None
    assert both.create().id == "ftjob-fake-1"


def test_a_re_run_after_a_lost_create_posts_no_second_time(both: Both) -> None:
    both.fake.lose_next("create_job", made=False)
    for _ in range(2):
        with pytest.raises(SubmissionUnknownError):
            both.create()
    assert both.fake.calls.names.count("create_job") == 1


def test_a_job_that_is_listed_late_is_found_later(both: Both) -> None:
    both.fake.lose_next("create_job")
    both.fake.go_down("find_jobs", seconds=HOUR)
    with pytest.raises(SubmissionUnknownError, match="the last look for it failed") as caught:
        both.create()
    both.fake.clock.advance(HOUR)
    assert both.jobs("recover", caught.value.submission_id).id == "ftjob-fake-1"
    assert len(both.fake.specs) == 1


@pytest.mark.parametrize("made", [True, False])
def test_a_lost_cancel_is_sent_again(both: Both, made: bool) -> None:
    job = both.create()
    both.fake.lose_next("cancel_job", made=made)
    assert both.jobs("cancel", job).status is JobStatus.CANCELLED
    assert both.fake.calls.names.count("cancel_job") == 1


def test_a_lost_upload_is_sent_again(both: Both) -> None:
    both.fake.lose_next("upload_dataset", times=4)
    assert both.fake.rows(both.create())


def test_what_is_lost_five_times_gets_out(both: Both) -> None:
    job = both.create()
    both.fake.lose_next("cancel_job", times=5)
    with pytest.raises(ConnectionFailedError, match="as the test says") as caught:
        both.jobs("cancel", job)
    assert caught.value.effect == "unknown"
    assert both.jobs("get", job).status is JobStatus.CANCELLED


def test_a_deployment_whose_answer_was_lost_is_made_once(both: Both) -> None:
    both.fake.lose_next("create_deployment")
    assert both.deployments("create", "base", name="x").name == "x"
    assert len(both.deployments("list")) == 1


# Too many requests


def test_a_create_waits_as_long_as_it_is_asked_to(both: Both) -> None:
    both.fake.limit_next("create_job", times=3, retry_after=20)
    both.create()
    assert passed(both) == timedelta(seconds=3 * 20.5)
    assert len(both.fake.specs) == 1


def test_a_limit_that_lasts_gets_out_of_a_create_and_nothing_is_made(both: Both) -> None:
    both.fake.limit_next("create_job", times=5, retry_after=20)
    with pytest.raises(RateLimitError) as caught:
        both.create()
    assert (caught.value.retry_after, caught.value.status_code) == (20, 429)
    assert both.fake.specs == []
    assert both.create().id


def test_a_long_wait_is_told_at_once(both: Both) -> None:
    both.fake.limit_next("create_job", retry_after=600)
    with pytest.raises(RateLimitError, match="again in 600 s"):
        both.create()
    assert passed(both) == timedelta(0)


def test_a_wait_bears_limits_of_its_polls(both: Both) -> None:
    job = both.create()
    both.fake.limit_next("get_job", times=8)
    assert both.wait(job).status is JobStatus.SUCCEEDED


# No service


def test_a_wait_bears_a_service_that_is_down_for_a_while(both: Both) -> None:
    job = both.create()
    both.fake.go_down(after=60, seconds=0.4 * HOUR)
    assert both.wait(job).status is JobStatus.SUCCEEDED


def test_a_service_that_is_down_for_longer_than_a_wait_bears(both: Both) -> None:
    job = both.create()
    both.fake.go_down(after=60)
    with pytest.raises(StatusUnavailableError, match="the job may well go on") as caught:
        both.wait(job)
    assert caught.value.handle == "fake:ftjob-fake-1"
    assert passed(both) >= timedelta(minutes=31)
    both.fake.mend()
    assert both.wait(job).status is JobStatus.SUCCEEDED


def test_where_there_is_no_service_nothing_is_made(both: Both) -> None:
    both.fake.go_down()
    with pytest.raises(ConnectionFailedError, match="down, as the test says"):
        both.create()
    assert (both.fake.specs, both.fake.uploads) == ([], {})


def test_a_part_of_a_service_may_be_down(both: Both) -> None:
    job = both.create()
    both.fake.go_down("list_events", seconds=HOUR)
    assert both.wait(job).status is JobStatus.SUCCEEDED
    with pytest.raises(ConnectionFailedError):
        both.jobs("events", job)
    both.fake.clock.advance(HOUR)
    assert both.jobs("events", job)


# Keys, quotas, refusals


def test_a_key_may_be_revoked_in_the_middle_of_a_wait(both: Both) -> None:
    job = both.create()
    both.fake.revoke_key(after=100)
    with pytest.raises(AuthenticationError, match="revoked") as caught:
        both.wait(job)
    assert caught.value.status_code == 401
    assert timedelta(seconds=100) <= passed(both) < timedelta(seconds=300)
    both.fake.mend()
    assert both.wait(job).fine_tuned_model


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("upload_dataset", DatasetFileError("line 3 is no chat", code="invalid_file_format")),
        ("upload_dataset", PermissionDeniedError("not you", provider="fake")),
        ("create_job", QuotaExceededError("the month's budget is spent", provider="fake")),
        ("create_job", ConflictError("three jobs run already", provider="fake")),
    ],
)
def test_what_a_service_refuses_gets_out_and_nothing_is_made(
    both: Both, call: str, error: FineTuneError
) -> None:
    both.fake.fail_next(call, error)
    with pytest.raises(type(error)) as caught:
        both.create()
    assert caught.value is error
    assert both.fake.specs == []
    assert both.create().id


def test_errors_come_in_their_order(both: Both) -> None:
    job = both.create()
    both.fake.fail_next("get_job", ServerError("one", provider="fake"))
    both.fake.fail_next("get_job", NotFoundError("two", provider="fake"))
    for word in ("one", "two"):
        with pytest.raises(FineTuneError, match=word):
            both.jobs("get", job)
    assert both.jobs("get", job).id == job.id


def test_a_metric_that_cannot_be_read_does_not_end_the_job(both: Both) -> None:
    job = both.wait(both.create())
    both.fake.fail_next("list_metrics", PermissionDeniedError("not you", provider="fake"))
    with pytest.raises(PermissionDeniedError):
        both.jobs("metrics", job)


def test_every_verb_of_a_provider_can_be_made_to_fail() -> None:
    """Whatever `fail_next` takes, it keeps: no fault is said in vain."""
    for verb in sorted(verbs()):
        fake = FakeProvider()
        fake.fail_next(verb, ServerError("as said", provider="fake"))
        method = getattr(fake, verb)
        with pytest.raises(ServerError, match="as said"):
            method(*(None for _ in positional(method)), **dict.fromkeys(named(method)))


def verbs() -> set[str]:
    """The public methods of what a provider is."""
    bases = [kind for kind in FakeProvider.__mro__ if kind.__module__.startswith(INTERFACE)]
    names = {name for base in bases for name, value in vars(base).items() if isfunction(value)}
    return {name for name in names if not name.startswith("_")}


def positional(method: Callable[..., object]) -> list[str]:
    return [one.name for one in signature(method).parameters.values() if one.kind in _PLACES]


def named(method: Callable[..., object]) -> list[str]:
    return [one.name for one in signature(method).parameters.values() if one.kind not in _PLACES]


# What cannot be said


IMPOSSIBLE: list[tuple[Callable[[FakeProvider], None], str]] = [
    (lambda fake: fake.fail_next("get_jop", ServerError("x", provider="fake")), "get_jop"),
    (lambda fake: fake.fail_next("get_job"), "no error"),
    (lambda fake: fake.fail_next("enqueue", ServerError("x", provider="fake")), "enqueue"),
    (lambda fake: fake.fail_next("open", ServerError("x", provider="fake")), "open"),
    (lambda fake: fake.lose_next("estimate_cost"), "is no call that goes through retries"),
    (lambda fake: fake.limit_next("chat"), "is no call that goes through retries"),
    (lambda fake: fake.limit_next("get_job", times=0), "`times` is 0"),
    (lambda fake: fake.limit_next("get_job", retry_after=-1), "`retry_after` is -1"),
    (lambda fake: fake.go_down("get_jop"), "get_jop"),
    (lambda fake: fake.go_down(seconds=0), "`seconds` is 0"),
    (lambda fake: fake.revoke_key(after=-1), "`after` is -1"),
]


@pytest.mark.parametrize(("say", "words"), IMPOSSIBLE)
def test_a_fault_that_could_never_happen_is_refused(
    say: Callable[[FakeProvider], None], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        say(FakeProvider())


def test_two_runs_see_the_same_times() -> None:
    def run() -> datetime:
        both = Both(FakeProvider(script=JobScript(queued=100)), asynchronous=False)
        both.fake.limit_next("create_job", times=3)
        both.fake.go_down("get_job", after=10, seconds=50)
        both.wait(both.create())
        return both.fake.clock.now()

    assert run() == run()
