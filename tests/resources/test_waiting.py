"""Waiting: what it bears, what it tells, when it gives up. Time is the fake's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune_sdk import (
    ConfigurationError,
    ConnectionFailedError,
    FineTuneClient,
    Job,
    JobEvent,
    JobFailedError,
    JobPausedError,
    JobStatus,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    StatusUnavailableError,
    WaitTimeoutError,
)
from finetune_sdk.testing import FakeProvider, JobScript

ROWS = [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
]


def create(client: FineTuneClient) -> Job:
    return client.jobs.create(model="base", training_data=ROWS)


def lost(count: int) -> list[ConnectionFailedError]:
    return [ConnectionFailedError("gone", provider="fake") for _ in range(count)]


def test_ten_days_pass_at_once(client: FineTuneClient, fake: FakeProvider) -> None:
    fake.enqueue(JobScript(running=10 * 86400))
    job = client.jobs.wait(create(client), progress=False)
    assert job.status is JobStatus.SUCCEEDED
    assert fake.clock.monotonic() >= 10 * 86400


def test_failed_looks_are_not_failed_jobs(client: FineTuneClient, fake: FakeProvider) -> None:
    job = create(client)
    fake.fail_next("get_job", *lost(5), ServerError("500", provider="fake"))
    assert client.jobs.wait(job, progress=False).status is JobStatus.SUCCEEDED


def test_half_an_hour_of_silence_is_told(client: FineTuneClient, fake: FakeProvider) -> None:
    job = create(client)
    fake.fail_next("get_job", *lost(1000))
    with pytest.raises(StatusUnavailableError, match=r"no contact for 3\d minutes") as caught:
        client.jobs.wait(job, progress=False)
    assert caught.value.handle == job.handle
    writes = {call.name for call in fake.calls} & {"cancel_job", "create_job", "upload_dataset"}
    assert writes == {"create_job", "upload_dataset"}
    assert [call.name for call in fake.calls].count("create_job") == 1


def test_silence_is_counted_from_a_look_that_failed(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    # Whoever looks twice a day has not been without contact for half a day.
    fake.enqueue(JobScript(running=864_000))
    job = create(client)
    fake.fail_next("get_job", *lost(1))
    done = client.jobs.wait(job, progress=False, poll_interval=43_200)
    assert done.status is JobStatus.SUCCEEDED
    fake.enqueue(JobScript(running=864_000))
    job = create(client)
    fake.fail_next("get_job", *lost(2))
    with pytest.raises(StatusUnavailableError):
        client.jobs.wait(job, progress=False, poll_interval=43_200)


class RarelyThere(FakeProvider):
    """Answers one look in twenty-five."""

    looks = 0

    def get_job(self, job_id: str, /) -> Job:
        self.looks += 1
        if self.looks % 25:
            raise ConnectionFailedError("gone", provider="fake")
        return super().get_job(job_id)


def test_every_good_look_starts_the_silence_anew() -> None:
    fake = RarelyThere(script=JobScript(queued=0, running=4 * 3600))
    with FineTuneClient(fake) as client:
        done = client.jobs.wait(create(client), poll_interval=60, progress=False)
    assert done.status is JobStatus.SUCCEEDED
    # More than twice as long as silence is borne.
    assert fake.clock.monotonic() > 4 * 3600


def test_a_job_that_is_not_found_is_looked_for_five_minutes(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    started = fake.clock.monotonic()
    with pytest.raises(NotFoundError):
        client.jobs.wait("ftjob-nobody", progress=False)
    assert 300 <= fake.clock.monotonic() - started < 400


def test_an_error_that_time_does_not_mend_ends_the_wait(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    job = create(client)
    fake.fail_next("get_job", PermissionDeniedError("no", provider="fake"))
    with pytest.raises(PermissionDeniedError):
        client.jobs.wait(job, progress=False)
    assert fake.clock.monotonic() == 0


def test_a_failed_job_raises_with_its_reason_and_events(
    client: FineTuneClient, fake: FakeProvider
) -> None:
    fake.enqueue(JobScript(outcome="failed"))
    with pytest.raises(JobFailedError, match=r"\[scripted\]: the script says so") as caught:
        client.jobs.wait(create(client), progress=False)
    assert caught.value.job.status is JobStatus.FAILED
    assert caught.value.events[-1].message.startswith("the fake job has failed")


def test_a_job_that_somebody_paused_raises(client: FineTuneClient, fake: FakeProvider) -> None:
    job = create(client)
    fake.pause(job.id)
    with pytest.raises(JobPausedError, match="is paused"):
        client.jobs.wait(job, progress=False)


@pytest.mark.parametrize("word", ["alien", "", "Succeeded?", "validating_files"])
def test_an_unknown_word_is_waited_through(
    client: FineTuneClient, fake: FakeProvider, word: str
) -> None:
    job = create(client)
    fake.say(job.id, word)
    with pytest.raises(WaitTimeoutError):
        client.jobs.wait(job, timeout=100, progress=False)
    fake.say(job.id, None)
    assert client.jobs.wait(job, progress=False).status is JobStatus.SUCCEEDED


def test_timeout_zero_looks_once(client: FineTuneClient, fake: FakeProvider) -> None:
    job = create(client)
    with pytest.raises(WaitTimeoutError):
        client.jobs.wait(job, timeout=0, progress=False)
    assert [call.name for call in fake.calls].count("get_job") == 1
    fake.clock.advance(10_000)
    assert client.jobs.wait(job, timeout=0, progress=False).status is JobStatus.SUCCEEDED


def test_infinity_waits_without_end(client: FineTuneClient) -> None:
    assert client.jobs.wait(create(client), timeout=math.inf, progress=False).fine_tuned_model


@pytest.mark.parametrize("timeout", [-1, math.nan])
def test_a_timeout_that_means_nothing_is_refused(client: FineTuneClient, timeout: float) -> None:
    with pytest.raises(ConfigurationError, match="`timeout`"):
        client.jobs.wait("ftjob-1", timeout=timeout, progress=False)


@pytest.mark.parametrize("interval", [0, -1, math.inf, math.nan])
def test_an_interval_that_means_nothing_is_refused(client: FineTuneClient, interval: float) -> None:
    with pytest.raises(ConfigurationError, match="`poll_interval`"):
        client.jobs.wait("ftjob-1", poll_interval=interval, progress=False)


def test_a_wait_never_outlasts_its_timeout(client: FineTuneClient, fake: FakeProvider) -> None:
    fake.enqueue(JobScript(running=1e6))
    job = create(client)
    started = fake.clock.monotonic()
    with pytest.raises(WaitTimeoutError, match="123"):
        client.jobs.wait(job, timeout=123, progress=False)
    assert fake.clock.monotonic() - started == 123


def test_events_are_told_once_and_in_order(client: FineTuneClient) -> None:
    told: list[JobEvent] = []
    client.jobs.wait(create(client), on_event=told.append, progress=False)
    assert [event.message for event in told] == [
        "the fake job is created: nothing will be trained",
        "the fake job runs",
        "the fake job has succeeded",
    ]


def test_a_callback_that_raises_does_not_stop_the_wait(
    client: FineTuneClient, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: JobEvent) -> None:
        raise RuntimeError("mine")

    assert client.jobs.wait(create(client), on_event=broken, progress=False).fine_tuned_model
    assert "waiting goes on" in caplog.text


@given(st.lists(st.booleans(), max_size=30))
@settings(max_examples=50, deadline=None)
def test_whatever_looks_fail_the_end_is_the_servers(fails: list[bool]) -> None:
    fake = FakeProvider()
    client = FineTuneClient(fake)
    job = create(client)
    for fail in fails:
        if fail:
            fake.fail_next("get_job", *lost(1))
    done = client.jobs.wait(job, progress=False, poll_interval=60)
    assert done == client.jobs.get(job)


def test_the_bar_shows_steps_and_the_loss(
    client: FineTuneClient, capsys: pytest.CaptureFixture[str]
) -> None:
    client.jobs.wait(create(client), progress=True)
    drawn = capsys.readouterr()
    assert "loss" in drawn.err
    assert drawn.out == ""


class TestWatch:
    def test_each_change_is_given_until_all_have_ended(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        fake.enqueue(JobScript(running=100), JobScript(running=300, outcome="failed"))
        jobs = [create(client), create(client)]
        seen = list(client.jobs.watch(jobs))
        last = {job.id: job.status for job in seen}
        assert last == {jobs[0].id: JobStatus.SUCCEEDED, jobs[1].id: JobStatus.FAILED}
        assert len(seen) == len({job.to_json() for job in seen})

    def test_a_hundred_jobs_cost_one_listing_a_look(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        jobs = [create(client) for _ in range(100)]
        ended = [job for job in client.jobs.watch(jobs, poll_interval=700) if job.status.terminal]
        assert len(ended) == 100
        names = [call.name for call in fake.calls]
        assert names.count("get_job") == 0
        assert names.count("list_jobs") <= 3

    def test_one_job_may_be_given_by_itself(self, client: FineTuneClient) -> None:
        job = create(client)
        assert {seen.id for seen in client.jobs.watch(job)} == {job.id}
        assert {seen.id for seen in client.jobs.watch(job.handle)} == {job.id}

    def test_without_names_it_watches_what_has_not_ended(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        done = client.jobs.cancel(create(client))
        running = create(client)
        assert {job.id for job in client.jobs.watch()} == {running.id}
        assert done.id != running.id

    def test_one_that_nobody_knows_is_not_watched_for_ever(self, client: FineTuneClient) -> None:
        with pytest.raises(NotFoundError):
            list(client.jobs.watch([create(client), "ftjob-nobody"]))

    def test_no_jobs_are_no_looks(self, client: FineTuneClient, fake: FakeProvider) -> None:
        assert list(client.jobs.watch([])) == []
        assert fake.calls == []

    def test_an_account_with_nothing_open_ends_at_once(self, client: FineTuneClient) -> None:
        assert list(client.jobs.watch()) == []

    def test_patience_ends(self, client: FineTuneClient, fake: FakeProvider) -> None:
        fake.enqueue(JobScript(running=1e6))
        with pytest.raises(WaitTimeoutError):
            list(client.jobs.watch([create(client)], timeout=60))


class TestEvents:
    def test_following_ends_with_the_job(self, client: FineTuneClient) -> None:
        messages = [event.message for event in client.jobs.events(create(client), follow=True)]
        assert messages[-1] == "the fake job has succeeded"

    def test_not_following_gives_what_there_is(self, client: FineTuneClient) -> None:
        assert len(list(client.jobs.events(create(client)))) == 1

    def test_following_bears_lost_looks(self, client: FineTuneClient, fake: FakeProvider) -> None:
        job = create(client)
        fake.fail_next("list_events", *lost(2))
        assert len(list(client.jobs.events(job, follow=True))) == 3
