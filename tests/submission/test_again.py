"""What an earlier try has left, and when it is looked for: at providers in memory."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest

from finetune_sdk import (
    DatasetFileError,
    FineTuneClient,
    IdempotencyConflictError,
    ProviderError,
    ServerError,
    SubmissionUnknownError,
    UnsupportedError,
)
from finetune_sdk.datasets import Dataset
from finetune_sdk.providers.base import (
    CanPrepare,
    Capabilities,
    FineTuneProvider,
    ProviderSettings,
)
from finetune_sdk.submission import Desk, books_of
from finetune_sdk.testing import FakeProvider, VirtualClock
from finetune_sdk.types import DatasetFile, Job, JobEvent, JobSpec, JobStatus, Page
from tests.submission.bench import ROWS


class Plain(FineTuneProvider):
    """What every provider can do, and nothing more."""

    name: ClassVar[str] = "plain"
    capabilities: ClassVar[Capabilities] = FakeProvider.capabilities
    ephemeral: ClassVar[bool] = True

    def __init__(self) -> None:
        self.fake = FakeProvider()

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> Plain:
        return cls()

    @property
    def clock(self) -> VirtualClock:
        return self.fake.clock

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        return self.fake.upload_dataset(dataset, key=key)

    def create_job(self, spec: JobSpec, /) -> Job:
        return self.fake.create_job(spec)

    def get_job(self, job_id: str, /) -> Job:
        return self.fake.get_job(job_id)

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        return self.fake.list_jobs(limit=limit, cursor=cursor)

    def cancel_job(self, job_id: str, /) -> Job:
        return self.fake.cancel_job(job_id)

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        return self.fake.list_events(job_id, limit=limit, cursor=cursor)

    def close(self) -> None:
        self.fake.close()


class Careful(FakeProvider, CanPrepare):
    """Looks whether a file is there yet before a job is made of it."""

    def prepare_job(self, spec: JobSpec, /) -> None:
        if spec.training_file.id not in self.uploads:
            raise DatasetFileError(f"no file {spec.training_file.id!r}")


class Watched(FakeProvider):
    """Notes when it was asked for lost jobs, and for which."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[float, str, datetime | None]] = []

    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        self.asked.append((self.clock.monotonic(), key, since))
        return super().find_jobs(key, spec=spec, since=since)


def lost() -> ServerError:
    return ServerError("the answer got lost", provider="fake", effect="unknown")


def refused() -> ServerError:
    return ServerError("not now", provider="fake", effect="none")


def create(provider: FineTuneProvider, key: str | None = None) -> Job:
    return FineTuneClient(provider).jobs.create(
        model="base", training_data=ROWS, idempotency_key=key
    )


def count(provider: FakeProvider, name: str) -> int:
    return [call.name for call in provider.calls].count(name)


def test_what_was_noted_of_a_lost_answer_is_told_with_it() -> None:
    provider, error = FakeProvider(), lost()
    error.add_note("seen at the proxy")
    provider.fail_next("create_job", error)
    with pytest.raises(SubmissionUnknownError) as caught:
        create(provider)
    assert caught.value.__notes__ == ["seen at the proxy"]


# Where a provider cannot be asked


def test_what_cannot_be_looked_for_is_unknown_at_once() -> None:
    provider = Plain()
    provider.fake.fail_next("create_job", lost())
    before = provider.clock.monotonic()
    with pytest.raises(SubmissionUnknownError, match=r": the provider cannot be asked\. "):
        create(provider)
    with pytest.raises(SubmissionUnknownError, match=r": the provider cannot be asked\. "):
        create(provider)
    assert provider.clock.monotonic() == before
    assert count(provider.fake, "create_job") == 1


def test_what_cannot_be_looked_for_is_given_up_by_hand() -> None:
    provider = Plain()
    provider.fake.fail_next("create_job", lost())
    with pytest.raises(SubmissionUnknownError) as caught:
        create(provider, "mine")
    jobs = FineTuneClient(provider).jobs
    with pytest.raises(SubmissionUnknownError):
        jobs.recover("mine")
    assert jobs.recover(caught.value.submission_id, abandon=True) is None
    assert create(provider, "mine").warnings == ()


def test_of_a_key_that_is_not_known_here_it_cannot_be_asked() -> None:
    with pytest.raises(UnsupportedError, match=r"`jobs\.recover`"):
        FineTuneClient(Plain()).jobs.recover("nobody-knows")


# When it is looked for, and for what


def test_a_lost_job_is_looked_for_five_times() -> None:
    provider = Watched()
    provider.fail_next("create_job", lost())
    began, sent = provider.clock.monotonic(), provider.clock.now()
    with pytest.raises(SubmissionUnknownError, match="it is not in the provider's list"):
        create(provider, "mine")
    first, *looks = provider.asked
    # Before it is sent, another machine may have made it; whenever that was.
    assert first == (began, "mine", None)
    assert looks == [(began + after, "mine", sent) for after in (0, 2, 5, 15, 30)]


def test_what_was_refused_is_looked_for_once_and_sent_again() -> None:
    provider = Watched()
    provider.fail_next("create_job", refused())
    with pytest.raises(ServerError):
        create(provider)
    provider.clock.advance(60)
    create(provider)
    ((_, _, since),) = provider.asked
    assert since is None
    assert count(provider, "create_job") == 2


class Odd(FakeProvider):
    """Cannot list its jobs, and says so in its own words."""

    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        raise RuntimeError("odd")


def test_where_only_a_search_fails_nothing_is_done() -> None:
    provider = Odd()
    with pytest.raises(ProviderError) as caught:
        create(provider, "mine")
    assert caught.value.effect == "none"
    assert count(provider, "create_job") == 0


class Liar(FakeProvider):
    """Makes a job, and says that it has not."""

    def create_job(self, spec: JobSpec, /) -> Job:
        super().create_job(spec)
        raise refused()


def test_what_was_made_after_all_is_not_sent_again() -> None:
    provider = Liar()
    with pytest.raises(ServerError):
        create(provider)
    assert create(provider).id == "ftjob-fake-1"
    assert count(provider, "create_job") == 1


def test_a_job_of_another_call_is_none_of_this_one() -> None:
    provider = FakeProvider()
    provider.fail_next("create_job", lost())
    provider.fail_next("find_jobs", *(IdempotencyConflictError("of another") for _ in range(5)))
    with pytest.raises(SubmissionUnknownError, match="it is not in the provider's list"):
        create(provider)


# While somebody else is at it


class Waiting(FakeProvider):
    """Its first upload takes as long as the whole of another create."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.other_made = threading.Event(), threading.Event()

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        if not self.begun.is_set():
            self.begun.set()
            self.other_made.wait(5)
        return super().upload_dataset(dataset, key=key)


def test_a_call_without_a_key_waits_for_no_other_one() -> None:
    provider = Waiting()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(create, provider)
        provider.begun.wait(60)
        second = create(provider)
        provider.other_made.set()
    assert (second.id, first.result().id) == ("ftjob-fake-1", "ftjob-fake-2")


# What the desk knows


def desk(provider: FineTuneProvider) -> Desk:
    journal, locks = books_of(provider, Path())
    return Desk(
        provider=provider,
        owner=provider.name,
        journal=journal,
        locks=locks,
        call=lambda function, _: function(),
    )


def known(provider: FakeProvider) -> JobSpec:
    """The spec of a job that was made with the key `mine`, or was refused."""
    with suppress(ServerError):
        create(provider, "mine")
    row = books_of(provider, Path()).journal.of_key("fake", provider.account, "mine")
    assert row is not None
    return row.spec


def test_of_a_job_that_was_made_all_is_known() -> None:
    provider = Careful()
    spec = known(provider)
    provider.clock.advance(1e6)
    made = desk(provider).made(spec)
    assert made is not None
    assert (made.id, made.status) == ("ftjob-fake-1", JobStatus.SUCCEEDED)
    assert desk(provider).begun(spec)
    assert desk(provider).knows("mine")
    with pytest.raises(IdempotencyConflictError):
        desk(provider).made(spec.model_copy(update={"call": "another"}))


def test_of_a_job_that_was_refused_the_files_are_known() -> None:
    provider = Careful()
    provider.fail_next("create_job", refused())
    spec = known(provider)
    asked = spec.model_copy(update={"training_file": DatasetFile(id="a stand-in")})
    assert desk(provider).made(spec) is None
    assert not desk(provider).begun(spec)
    assert desk(provider).sent(asked) == spec
    assert desk(provider).sent(spec) is None
    provider.uploads.clear()
    assert desk(provider).sent(asked) is None


def test_where_nobody_can_look_files_may_be_gone() -> None:
    provider = FakeProvider()
    provider.fail_next("create_job", refused())
    spec = known(provider)
    asked = spec.model_copy(update={"training_file": DatasetFile(id="a stand-in")})
    assert desk(provider).sent(asked) is None


def test_of_another_key_nothing_is_known() -> None:
    provider = Careful()
    spec = known(provider).model_copy(update={"key": "yours"})
    assert desk(provider).made(spec) is None
    assert desk(provider).sent(spec) is None
    assert not desk(provider).begun(spec)
    assert not desk(provider).knows("yours")


# Its files


def test_files_of_an_earlier_try_are_taken_again() -> None:
    provider = Careful()
    provider.fail_next("create_job", refused())
    with pytest.raises(ServerError):
        create(provider)
    create(provider)
    assert count(provider, "upload_dataset") == 1


@pytest.mark.parametrize("key", [None, "mine"])
def test_files_that_are_gone_are_uploaded_anew(key: str | None) -> None:
    provider = Careful()
    provider.fail_next("create_job", refused())
    with pytest.raises(ServerError):
        create(provider, key)
    provider.uploads.clear()
    create(provider, key)
    assert count(provider, "upload_dataset") == 2
    assert len(provider.uploads) == 1
