"""Finding the job of a create again: `jobs.recover`, the same call anew, another machine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from finetune_sdk import (
    AsyncFineTuneClient,
    ConfigurationError,
    FineTuneClient,
    IdempotencyConflictError,
    InvalidRequestError,
    JobSpec,
    JobStatus,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    SubmissionUnknownError,
)
from finetune_sdk.testing import FakeProvider
from finetune_sdk.types import Job
from tests.standins.http import http as httpx2
from tests.standins.openai import (
    Action,
    Delay,
    DropAfter,
    DropBefore,
    Edit,
    Hang,
    JobCourse,
    Lag,
    Reply,
    error,
)
from tests.submission.bench import FILES, ROWS, Bench, call, states

KEYS = pytest.mark.parametrize("key", [None, "mine"], ids=["no key", "a key"])
LAG = 1000.0
NO_METADATA = Reply(400, error(400, "Unknown parameter: 'metadata'.", param="metadata"))


def lost(bench: Bench, *, made: bool = True, **words: Any) -> str:
    """A create whose answer was lost and whose job no list shows yet; the submission's id."""
    bench.hurt(DropAfter() if made else DropBefore())
    bench.hurt(Lag(LAG), method="GET", times=None)
    return bench.refuses(SubmissionUnknownError, **words).submission_id


def names(submission: str, key: str | None) -> list[str]:
    """What `jobs.recover` takes for a submission."""
    return [submission] if key is None else [submission, key]


# By the submission's id, and by the key


@KEYS
def test_a_job_that_shows_up_later_is_found(
    bench: Bench, client: FineTuneClient, key: str | None
) -> None:
    submission = lost(bench, idempotency_key=key)
    for name in names(submission, key):
        again = bench.fails(SubmissionUnknownError, partial(client.jobs.recover, name))
        assert again.submission_id == submission
    bench.clock.advance(LAG)
    for name in names(submission, key):
        assert client.jobs.recover(name).id == bench.made[0]
    assert (bench.posts, bench.states) == (1, ["told"])


def test_a_job_that_shows_up_while_it_is_looked_for_is_found(
    bench: Bench, client: FineTuneClient
) -> None:
    submission = lost(bench)
    bench.clock.advance(LAG - bench.clock.monotonic() - 20)
    assert client.jobs.recover(submission).id == bench.made[0]


@KEYS
def test_a_job_that_was_created_is_given_as_it_stands_now(
    bench: Bench, client: FineTuneClient, key: str | None
) -> None:
    job = bench.create(idempotency_key=key)
    bench.clock.advance(1e6)
    searches = bench.searches
    for name in names(bench.submission, key):
        found = client.jobs.recover(name)
        assert (found.id, found.status) == (job.id, JobStatus.SUCCEEDED)
        assert client.jobs.recover(name, abandon=True) == found
    assert bench.searches == searches


@KEYS
def test_what_was_never_sent_says_so(bench: Bench, client: FineTuneClient, key: str | None) -> None:
    bench.hurt(Reply(403))
    bench.refuses(PermissionDeniedError, idempotency_key=key)
    for name in names(bench.submission, key):
        for abandon in (False, True):
            caught = bench.fails(
                NotFoundError,
                partial(client.jobs.recover, name, abandon=abandon),
            )
            assert "no job of the submission" in str(caught)
    assert (bench.made, bench.states) == ([], ["prepared"])


@KEYS
def test_the_three_ways_on_are_named(bench: Bench, client: FineTuneClient, key: str | None) -> None:
    submission = lost(bench, made=False, idempotency_key=key)
    for way in (
        lambda: client.jobs.recover(submission),
        lambda: client.jobs.create(**call(idempotency_key=key)),
    ):
        caught = bench.fails(SubmissionUnknownError, way)
        assert caught.submission_id == submission
        assert f'`jobs.recover("{submission}")`' in str(caught)
        assert "`idempotency_key`" in str(caught)
        assert f'`jobs.recover("{submission}", abandon=True)`' in str(caught)
    assert (bench.made, bench.posts) == ([], 1)


def test_the_first_way_is_to_create_it_again_knowingly(bench: Bench) -> None:
    lost(bench, made=False)
    job = bench.create(idempotency_key="knowingly")
    assert (bench.made, bench.states) == ([job.id], ["submitting", "told"])
    # What it means for the lost one nobody decides but the caller.
    bench.refuses(SubmissionUnknownError)


@KEYS
def test_what_is_given_up_makes_room_for_a_new_job(
    bench: Bench, client: FineTuneClient, key: str | None
) -> None:
    submission = lost(bench, made=False, idempotency_key=key)
    assert client.jobs.recover(key or submission, abandon=True) is None
    assert bench.states == ["abandoned"]
    for name in names(submission, key):
        bench.fails(NotFoundError, partial(client.jobs.recover, name))

    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.states) == ([job.id], ["abandoned", "told"])
    gone = bench.fails(NotFoundError, lambda: client.jobs.recover(submission))
    assert "no job of the submission" in str(gone)


def test_a_job_that_was_given_up_and_shows_up_after_all_is_found(
    bench: Bench, client: FineTuneClient
) -> None:
    submission = lost(bench)
    assert client.jobs.recover(submission, abandon=True) is None
    bench.clock.advance(LAG)
    assert client.jobs.recover(submission).id == bench.made[0]
    assert (bench.posts, bench.states) == (1, ["told"])


def test_what_is_found_is_not_given_up(bench: Bench, client: FineTuneClient) -> None:
    submission = lost(bench)
    bench.clock.advance(LAG)
    found = client.jobs.recover(submission, abandon=True)
    assert found is not None
    assert (bench.made, bench.states) == ([found.id], ["told"])


@pytest.mark.parametrize("action", [Reply(500), DropBefore(), Reply(403)], ids=repr)
def test_what_nobody_could_look_for_is_not_given_up(
    bench: Bench, client: FineTuneClient, action: Action
) -> None:
    """That a provider cannot be reached says nothing of what it has made."""
    submission = lost(bench)
    bench.clock.advance(LAG)
    bench.hurt(action, method="GET", times=None)
    bench.fails(SubmissionUnknownError, lambda: client.jobs.recover(submission, abandon=True))
    assert bench.states == ["submitting"]

    bench.service.faults.clear()
    found = client.jobs.recover(submission, abandon=True)
    assert found is not None
    assert (bench.made, bench.posts) == ([found.id], 1)


def test_of_what_nobody_knows_nothing_was_made(bench: Bench, client: FineTuneClient) -> None:
    caught = bench.fails(NotFoundError, lambda: client.jobs.recover("nobody-knows"))
    assert "idempotency_key" in str(caught)
    assert bench.posts == 0


@pytest.mark.parametrize("text", ["", "\ud800", 7, None, b"mine"], ids=repr)
def test_what_is_no_id_and_no_key_is_refused(
    bench: Bench, client: FineTuneClient, text: Any
) -> None:
    bench.fails(ConfigurationError, lambda: client.jobs.recover(text))
    assert bench.service.requests == []


# The same call again


@KEYS
def test_the_same_call_adopts_the_job_of_an_answer_that_was_lost(
    bench: Bench, key: str | None
) -> None:
    lost(bench, idempotency_key=key)
    bench.clock.advance(LAG)
    job = bench.create(idempotency_key=key)
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])
    # It was uploaded once, too.
    assert len(bench.service.posts(FILES)) == 1


def test_the_same_call_on_a_new_line_of_a_file_is_another_call(bench: Bench) -> None:
    lost(bench)
    bench.intents = 2
    bench.service.faults.clear()
    other = bench.create(training_data=[*ROWS, ROWS[0]])
    assert bench.made[1] == other.id
    assert bench.states == ["submitting", "told"]


def test_two_calls_without_a_key_that_both_succeed_are_two_jobs(bench: Bench) -> None:
    bench.intents = 2
    jobs = [bench.create().id, bench.create().id]
    assert (bench.made, bench.posts, bench.states) == (jobs, 2, ["told", "told"])


def test_after_an_adoption_the_same_call_is_a_new_job(bench: Bench) -> None:
    bench.intents = 2
    bench.hurt(DropAfter())
    jobs = [bench.create().id, bench.create().id]
    assert (bench.made, bench.posts) == (jobs, 2)


def test_after_a_recovery_the_same_call_is_a_new_job(bench: Bench, client: FineTuneClient) -> None:
    submission = lost(bench)
    bench.clock.advance(LAG)
    jobs = [client.jobs.recover(submission).id]
    bench.intents = 2
    bench.service.faults.clear()
    jobs.append(bench.create().id)
    assert (bench.made, bench.states) == (jobs, ["told", "told"])


def test_a_key_gives_the_same_job_even_one_that_failed(bench: Bench) -> None:
    failure = {"code": "invalid_training_file", "message": "row 3", "param": None}
    bench.service.course = JobCourse(outcome="failed", error=failure)
    job = bench.create(idempotency_key="mine")
    bench.clock.advance(1e6)
    again = bench.create(idempotency_key="mine")
    assert (again.id, again.status) == (job.id, JobStatus.FAILED)
    assert bench.posts == 1


class Interrupting(httpx2.BaseTransport):
    """The user presses Ctrl-C right when the create has arrived."""

    def __init__(self) -> None:
        self._real = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._real.handle_request(request)
        if request.method == "POST" and request.url.path.endswith("/jobs"):
            response.close()
            raise KeyboardInterrupt
        return response

    def close(self) -> None:
        self._real.close()


@KEYS
def test_a_create_that_was_interrupted_is_found_by_the_next_one(
    bench: Bench, key: str | None
) -> None:
    with (
        httpx2.Client(transport=Interrupting()) as http,
        pytest.raises(KeyboardInterrupt),
    ):
        bench.create(bench.client(http_client=http), idempotency_key=key)
    assert bench.states == ["submitting"]
    assert bench.create(idempotency_key=key).id == bench.made[0]
    assert bench.posts == 1


# Another machine


def test_a_key_finds_the_job_that_another_machine_made(
    bench: Bench, elsewhere: FineTuneClient
) -> None:
    job = bench.create(idempotency_key="mine")
    assert elsewhere.jobs.recover("mine").id == job.id
    assert bench.create(elsewhere, idempotency_key="mine").id == job.id
    assert (bench.posts, len(bench.service.posts(FILES))) == (1, 1)
    # From then on it is in that machine's own journal.
    assert states(bench.folder / "elsewhere") == ["told"]
    searches = bench.searches
    assert bench.create(elsewhere, idempotency_key="mine").id == job.id
    assert bench.searches == searches


def test_a_key_of_another_machine_with_another_call_is_a_conflict(
    bench: Bench, elsewhere: FineTuneClient
) -> None:
    bench.create(idempotency_key="mine")
    for change in ({"seed": 2}, {"training_data": [*ROWS, ROWS[0]]}):
        bench.refuses(IdempotencyConflictError, elsewhere, idempotency_key="mine", **change)
    assert (bench.posts, len(bench.service.posts(FILES))) == (1, 1)


def test_where_another_machine_cannot_be_asked_about_nothing_is_posted(
    bench: Bench, elsewhere: FineTuneClient
) -> None:
    job = bench.create(idempotency_key="mine")
    bench.hurt(Reply(500), method="GET", times=None)
    bench.refuses(ServerError, elsewhere, idempotency_key="mine")
    bench.fails(ServerError, lambda: elsewhere.jobs.recover("mine"))
    assert bench.posts == 1
    bench.service.faults.clear()
    assert bench.create(elsewhere, idempotency_key="mine").id == job.id


def test_without_a_key_machines_know_nothing_of_each_other(
    bench: Bench, elsewhere: FineTuneClient
) -> None:
    bench.intents = 2
    jobs = [bench.create().id, bench.create(elsewhere).id]
    assert (bench.made, bench.posts) == (jobs, 2)


def test_a_row_of_one_account_says_nothing_of_another_one(bench: Bench) -> None:
    """The same folder, the same key and the same call: what differs is whose it is."""
    bench.intents = 2
    bench.create(idempotency_key="mine")
    bench.hurt(Lag(1e6), method="GET", times=None)
    bench.create(bench.client(project="proj_other"), idempotency_key="mine")
    assert len(bench.made) == 2


def test_of_two_jobs_of_one_key_another_machine_is_told(
    bench: Bench, elsewhere: FineTuneClient
) -> None:
    bench.intents = 2
    first = bench.create(idempotency_key="mine")
    bench.clock.advance(60)
    (post,) = bench.service.posts("/fine_tuning/jobs")
    bench.service.handle("POST", "/v1/fine_tuning/jobs", post.headers, post.body)
    for found in (elsewhere.jobs.recover("mine"), bench.create(elsewhere, idempotency_key="mine")):
        assert found.id == first.id
        assert any(bench.made[1] in warning for warning in found.warnings)
    assert len(bench.made) == 2


# Servers that take no metadata


def without_marks(page: Any) -> Any:
    return {**page, "data": [{**one, "metadata": None} for one in page["data"]]}


@KEYS
def test_a_job_without_metadata_is_found_by_the_name_of_its_file(
    bench: Bench, client: FineTuneClient, key: str | None
) -> None:
    bench.hurt(NO_METADATA)
    submission = lost(bench, idempotency_key=key)
    bench.service.faults.clear()
    bench.hurt(Edit(without_marks), method="GET", times=None)
    # Jobs of others: on the same rows, by other calls.
    bench.intents = 3
    bench.clock.advance(60)
    for suffix in ("one", "two"):
        bench.hurt(NO_METADATA)
        bench.create(suffix=suffix)

    assert client.jobs.recover(submission).id == bench.made[0]
    assert bench.states == ["told"] * 3


# A provider that fails in its own words


class Broken(FakeProvider):
    """Makes the job, and then raises what is nobody's business."""

    def create_job(self, spec: JobSpec, /) -> Job:
        super().create_job(spec)
        raise RuntimeError("the answer of sk-abcdefghijklmnopqrstuvwxyz0123 was odd")


def test_whatever_a_provider_raises_the_job_is_looked_for() -> None:
    provider = Broken()
    job = FineTuneClient(provider).jobs.create(model="base", training_data=ROWS)
    assert [call.name for call in provider.calls].count("create_job") == 1
    assert [one.id for one in FineTuneClient(provider).jobs.list()] == [job.id]


# A cancelled await


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


@KEYS
@pytest.mark.parametrize(
    "action", [Delay(first=0.2), Delay(after=0.2), Hang(after=True), DropAfter()], ids=repr
)
def test_a_cancelled_await_leaves_a_row_that_is_settled_to_one_job(
    bench: Bench, action: Action, key: str | None
) -> None:
    bench.hurt(action)

    async def main() -> Job:
        provider = bench.provider(timeout=0.5)
        async with AsyncFineTuneClient(provider, home=bench.home) as client:
            creating = asyncio.create_task(client.jobs.create(**call(idempotency_key=key)))
            await until(lambda: bench.service.faults.hits)
            creating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creating
            return await client.jobs.recover(bench.submission)

    job = asyncio.run(main())
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


def test_the_same_call_after_a_cancelled_await_gets_its_job(bench: Bench) -> None:
    bench.hurt(Delay(after=0.2))

    async def main() -> Job:
        async with AsyncFineTuneClient(bench.provider(), home=bench.home) as client:
            creating = asyncio.create_task(client.jobs.create(**call()))
            await until(lambda: bench.service.faults.hits)
            creating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creating
        # Closing waits for the thread: it is made, and nobody was told.
        assert bench.states == ["created"]
        async with AsyncFineTuneClient(bench.provider(), home=bench.home) as client:
            return await client.jobs.create(**call())

    job = asyncio.run(main())
    assert (bench.made, bench.posts, bench.states) == ([job.id], 1, ["told"])


def test_a_cancelled_await_of_a_create_that_did_not_arrive_is_unknown(bench: Bench) -> None:
    bench.hurt(Hang())

    async def main() -> None:
        provider = bench.provider(timeout=0.5)
        async with AsyncFineTuneClient(provider, home=bench.home) as client:
            creating = asyncio.create_task(client.jobs.create(**call()))
            await until(lambda: bench.service.faults.hits)
            creating.cancel()
            with pytest.raises(asyncio.CancelledError):
                await creating
            with pytest.raises(SubmissionUnknownError):
                await client.jobs.recover(bench.submission)
            assert await client.jobs.recover(bench.submission, abandon=True) is None
            await client.jobs.create(**call())

    asyncio.run(main())
    assert (len(bench.made), bench.states) == (1, ["abandoned", "told"])


@KEYS
def test_what_is_taken_up_again_is_sent_whole(bench: Bench, key: str | None) -> None:
    # The journal keeps neither the caller's words nor the options: they may hold a secret.
    bench.hurt(bench.says(400, "The model is not ready."))
    words: dict[str, Any] = {"metadata": {"team": "kitchen"}, "idempotency_key": key}
    bench.refuses(InvalidRequestError, **words)
    job = bench.create(**words)
    first, second = (one.json for one in bench.service.posts("/fine_tuning/jobs"))
    assert job.metadata["team"] == "kitchen"
    assert second["training_file"] == first["training_file"]
    assert second["metadata"]["team"] == "kitchen"
