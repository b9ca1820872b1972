"""A provider that has the core and no mix-in: the smallest that a third party can write."""

from __future__ import annotations

from typing import ClassVar

from finetune_sdk.datasets import Dataset
from finetune_sdk.providers.base import Capabilities, FineTuneProvider, ProviderSettings
from finetune_sdk.testing import FakeProvider, VirtualClock
from finetune_sdk.types import DatasetFile, Job, JobEvent, JobSpec, Page


class BareProvider(FineTuneProvider):
    """Hands everything on to a fake.

    Attributes:
        inner: the fake.
    """

    name: ClassVar[str] = "bare"
    capabilities: ClassVar[Capabilities] = FakeProvider.capabilities

    def __init__(self) -> None:
        self.inner = FakeProvider()

    @property
    def clock(self) -> VirtualClock:
        return self.inner.clock

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> BareProvider:
        return cls()

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        return self.inner.upload_dataset(dataset, key=key)

    def create_job(self, spec: JobSpec, /) -> Job:
        return self._mine(self.inner.create_job(spec))

    def get_job(self, job_id: str, /) -> Job:
        return self._mine(self.inner.get_job(job_id))

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        page = self.inner.list_jobs(limit=limit, cursor=cursor)
        return Page(tuple(map(self._mine, page.items)), page.next_cursor)

    def cancel_job(self, job_id: str, /) -> Job:
        return self._mine(self.inner.cancel_job(job_id))

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        return self.inner.list_events(job_id, limit=limit, cursor=cursor)

    def close(self) -> None:
        self.inner.close()

    def _mine(self, job: Job) -> Job:
        return job.model_copy(update={"provider": self.name})
