"""Pausing and going on, and what waiting makes of a paused job. Time is the fake's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from finetune_sdk import (
    ConflictError,
    FineTuneClient,
    Job,
    JobPausedError,
    JobStatus,
    NotFoundError,
    UnsupportedError,
)
from finetune_sdk.testing import FakeProvider, JobScript
from finetune_sdk.types import JobError
from tests.resources.bare import BareProvider

ROWS = [
    {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
]


class Shaky(FakeProvider):
    """Pauses its jobs by itself, and says why."""

    error: JobError | None = None
    raw_status = "lost"

    def get_job(self, job_id: str, /) -> Job:
        update = {"raw_status": self.raw_status, "error": self.error, "status": JobStatus.PAUSED}
        return super().get_job(job_id).model_copy(update=update)


def create(client: FineTuneClient) -> Job:
    return client.jobs.create(model="base", training_data=ROWS)


def test_a_paused_job_goes_on_to_its_end(client: FineTuneClient, fake: FakeProvider) -> None:
    job = create(client)
    fake.clock.advance(330)
    assert client.jobs.pause(job).status is JobStatus.PAUSED
    with pytest.raises(JobPausedError, match=r"is paused; go on with `jobs\.resume`"):
        client.jobs.wait(job, progress=False)
    assert client.jobs.resume(job.handle).status is JobStatus.RUNNING
    assert client.jobs.wait(job, progress=False).status is JobStatus.SUCCEEDED


def test_paused_time_does_not_count_as_running(client: FineTuneClient, fake: FakeProvider) -> None:
    job = create(client)
    fake.clock.advance(330)
    before = client.jobs.pause(job).progress
    fake.clock.advance(10 * 86400)
    after = client.jobs.resume(job)
    assert after.progress == before
    done = client.jobs.wait(job, progress=False)
    assert job.created_at is not None
    assert done.finished_at is not None
    assert (done.finished_at - job.created_at).total_seconds() == 630 + 10 * 86400


def test_pausing_and_resuming_twice_changes_nothing(client: FineTuneClient) -> None:
    job = create(client)
    assert client.jobs.resume(job).status is JobStatus.QUEUED
    assert client.jobs.pause(job) == client.jobs.pause(job)
    assert client.jobs.resume(job) == client.jobs.resume(job)


def test_a_paused_job_can_be_cancelled_and_stays_so(client: FineTuneClient) -> None:
    job = client.jobs.pause(create(client))
    assert client.jobs.cancel(job).status is JobStatus.CANCELLED
    with pytest.raises(ConflictError, match="has cancelled"):
        client.jobs.resume(job)
    assert client.jobs.get(job).status is JobStatus.CANCELLED


def test_the_pause_is_told_once_and_in_order(client: FineTuneClient, fake: FakeProvider) -> None:
    job = create(client)
    fake.clock.advance(330)
    client.jobs.pause(job)
    assert [event.message for event in client.jobs.events(job, follow=True)] == [
        "the fake job is created: nothing will be trained",
        "the fake job runs",
        "the fake job is paused at step 50",
    ]
    client.jobs.resume(job)
    events = list(client.jobs.events(job, follow=True))
    assert [event.message for event in events[3:]] == [
        "the fake job goes on",
        "the fake job has succeeded",
    ]
    assert len({event.id for event in events}) == 5


@pytest.mark.parametrize(
    ("raw_status", "error", "words"),
    [
        ("lost", None, "is paused: its machine or process went down; go on with `jobs.resume`"),
        (
            "disk_full",
            JobError(code="disk_full", message="the disk is full"),
            r"is paused \[disk_full\]: the disk is full; go on with `jobs.resume`$",
        ),
        (
            "out_of_memory",
            JobError(message="free some memory, then `jobs.resume`"),
            "is paused: free some memory, then `jobs.resume`$",
        ),
    ],
)
def test_why_it_is_paused_is_told(raw_status: str, error: JobError | None, words: str) -> None:
    shaky = Shaky()
    shaky.raw_status, shaky.error = raw_status, error
    client = FineTuneClient(shaky)
    with pytest.raises(JobPausedError, match=words) as caught:
        client.jobs.wait(create(client), progress=False)
    assert caught.value.job.error == error


VERBS: dict[str, Callable[[FineTuneClient], object]] = {
    "jobs.pause": lambda client: client.jobs.pause("ftjob-1"),
    "jobs.resume": lambda client: client.jobs.resume("ftjob-1"),
    "jobs.checkpoints": lambda client: client.jobs.checkpoints("ftjob-1"),
    "jobs.recover": lambda client: client.jobs.recover("mine"),
    "models.download": lambda client: client.models.download("m", Path("folder")),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_provider_without_the_verb_names_those_that_have_it(verb: str) -> None:
    bare = BareProvider()
    with pytest.raises(UnsupportedError, match=f"`{verb}`") as caught:
        VERBS[verb](FineTuneClient(bare))
    assert "local" in caught.value.able
    assert "fake" not in caught.value.able
    assert bare.inner.calls == []


def test_where_nothing_can_be_resumed_here_it_does_not_say_so() -> None:
    bare = BareProvider()
    client = FineTuneClient(bare)
    job = create(client)
    bare.inner.pause(job.id)
    with pytest.raises(JobPausedError, match="resume it where it was paused"):
        client.jobs.wait(job, progress=False)


class TestWatch:
    def test_it_ends_when_only_paused_jobs_are_left(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        fake.enqueue(JobScript(running=1e9), JobScript(running=100))
        paused, done = create(client), create(client)
        client.jobs.pause(paused)
        last = {job.id: job.status for job in client.jobs.watch([paused, done])}
        assert last == {paused.id: JobStatus.PAUSED, done.id: JobStatus.SUCCEEDED}

    def test_it_hands_a_paused_job_out_once(self, client: FineTuneClient) -> None:
        job = client.jobs.pause(create(client))
        assert list(client.jobs.watch()) == [job]
        assert list(client.jobs.watch([job])) == [job]

    def test_it_sees_a_paused_job_go_on_while_another_runs(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        paused, _ = client.jobs.pause(create(client)), create(client)
        seen: list[JobStatus] = []
        for job in client.jobs.watch():
            seen += [job.status] if job.id == paused.id else []
            if job.status is JobStatus.PAUSED:
                client.jobs.resume(job)
        assert seen[0] is JobStatus.PAUSED
        assert seen[-1] is JobStatus.SUCCEEDED


class TestCheckpoints:
    def test_they_come_newest_first_while_the_job_runs(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        job = create(client)
        assert list(client.jobs.checkpoints(job)) == []
        fake.clock.advance(30 + 6 * 60)
        found = list(client.jobs.checkpoints(job.handle))
        assert [one.step for one in found] == [50, 25]
        assert {one.job_id for one in found} == {job.id}
        assert [one.best for one in found] == [False, False]
        assert found[0].created_at > found[1].created_at

    def test_a_pause_saves_one(self, client: FineTuneClient, fake: FakeProvider) -> None:
        fake.enqueue(JobScript(checkpoint_every=None))
        job = create(client)
        fake.clock.advance(30 + 6 * 42)
        client.jobs.pause(job)
        assert [one.step for one in client.jobs.checkpoints(job)] == [42]

    def test_the_best_is_measured_on_validation_rows(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        job = client.jobs.create(model="base", training_data=ROWS, validation_data=ROWS)
        fake.clock.advance(1000)
        newest, *older = client.jobs.checkpoints(job)
        assert newest.best
        assert not any(one.best for one in older)
        measured = {m.step: m.value for m in client.jobs.metrics(job) if m.split == "validation"}
        assert measured[newest.step] == newest.metrics["validation_loss"]

    def test_one_can_be_served_and_names_its_job(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        job = create(client)
        fake.clock.advance(1000)
        checkpoint = next(client.jobs.checkpoints(job))
        deployment = client.deployments.create(checkpoint, name="half")
        assert (deployment.model, deployment.job_id) == (checkpoint.model, job.id)

    def test_one_can_be_trained_on(self, client: FineTuneClient, fake: FakeProvider) -> None:
        job = create(client)
        fake.clock.advance(1000)
        checkpoint = next(client.jobs.checkpoints(job))
        assert client.jobs.create(model=checkpoint, training_data=ROWS).model == checkpoint.model


class Twice(FakeProvider):
    """Made two jobs of one key, as a service does that knows no keys."""

    def find_jobs(
        self, key: str, /, *, spec: object = None, since: datetime | None = None
    ) -> list[Job]:
        return list(self.list_jobs(limit=100, cursor=None).items)[::-1]


class TestRecover:
    def test_it_finds_the_job_of_a_lost_answer(
        self, client: FineTuneClient, fake: FakeProvider
    ) -> None:
        made = client.jobs.create(model="base", training_data=ROWS, idempotency_key="mine")
        create(client)
        found = client.jobs.recover("mine")
        assert found == made
        assert [call.name for call in fake.calls].count("create_job") == 2

    def test_nothing_found_names_the_ways_on(self, client: FineTuneClient) -> None:
        with pytest.raises(NotFoundError, match="same `idempotency_key`") as caught:
            client.jobs.recover("nobody's")
        assert "`jobs.list`" in str(caught.value)

    def test_of_two_it_is_the_older_and_both_are_named(self) -> None:
        client = FineTuneClient(Twice())
        first, second = create(client), create(client)
        found = client.jobs.recover("any")
        assert found.id == first.id
        assert second.id in found.warnings[0]
        assert {job.status for job in client.jobs.list()} == {JobStatus.QUEUED}

    def test_a_long_key_is_shown_shortened(self, client: FineTuneClient) -> None:
        with pytest.raises(NotFoundError) as caught:
            client.jobs.recover("x" * 10**6)
        assert len(str(caught.value)) < 1000

    @pytest.mark.parametrize("key", ["", None, 7, "\ud800"])
    def test_what_is_no_key_is_refused(self, client: FineTuneClient, key: str) -> None:
        with pytest.raises(ValueError, match="`idempotency_key`"):
            client.jobs.recover(key)
