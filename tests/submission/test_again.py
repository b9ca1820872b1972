"""What an earlier try has left, and when it is looked for: at providers in memory."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import pytest

from finetune_sdk import (
    DatasetFileError,
    FineTuneClient,
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
from finetune_sdk.testing import FakeProvider, VirtualClock
from finetune_sdk.types import DatasetFile, Job, JobEvent, JobSpec, Page
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
