"""The verbs that all who speak OpenAI's protocol do alike: each is a request and its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

from finetune_sdk.errors import ConflictError, InvalidRequestError, ResponseDecodeError
from finetune_sdk.providers._openai_talk import creating, files, finding, numbers, uploads
from finetune_sdk.providers._openai_wire import encode, holdings, requests
from finetune_sdk.providers._openai_wire.events import event_of
from finetune_sdk.providers._openai_wire.jobs import held, job_of, over
from finetune_sdk.providers._openai_wire.pages import page_of
from finetune_sdk.providers._openai_wire.requests import JOBS, page, read, segment
from finetune_sdk.providers.base import (
    CanExport,
    CanFindJob,
    CanListCheckpoints,
    CanListMetrics,
    CanManageDatasets,
    CanPause,
    CanPrepare,
    FineTuneProvider,
)
from finetune_sdk.types import Checkpoint, Job, Page

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from finetune_sdk.datasets import Dataset
    from finetune_sdk.providers._openai_talk.talk import Talk
    from finetune_sdk.providers._openai_talk.unmarked import Unmarked
    from finetune_sdk.providers._openai_wire.values import Table
    from finetune_sdk.transport import Clock
    from finetune_sdk.types import DatasetFile, JobEvent, JobSpec, Metric

T = TypeVar("T")


class OpenAIVerbs(
    FineTuneProvider,
    CanPrepare,
    CanFindJob,
    CanPause,
    CanListMetrics,
    CanListCheckpoints,
    CanManageDatasets,
    CanExport,
):
    """Files and jobs; what differs between services is in the methods to override.

    Attributes:
        _talk: sends the requests.
        _unmarked: the creates that left without our mark.
        _whole: bytes that a file may have at a service that takes none in parts.
    """

    _talk: Talk
    _clock: Clock
    _unmarked: Unmarked
    _whole: int | None = None

    @property
    def clock(self) -> Clock:
        return self._clock

    def __reduce__(self) -> NoReturn:
        # It holds a key.
        raise TypeError("a provider is not copied or pickled; open it anew where it is needed")

    # What differs

    def _body(self, spec: JobSpec, *, marked: bool) -> dict[str, object]:
        """The body of a create; with our key in its metadata, or without any."""
        return encode.job_body(spec, marked=marked)

    def _read_job(self, found: Table) -> Job | None:
        """A job of theirs as ours; None where it is none."""
        return job_of(found, provider=self.name)

    # Before a job

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        return uploads.send(self._talk, dataset, key=key, whole=self._whole)

    def prepare_job(self, spec: JobSpec, /) -> None:
        for file in (spec.training_file, spec.validation_file):
            if file is not None:
                files.settle(self._talk, file, self._clock)

    # Jobs

    def create_job(self, spec: JobSpec, /) -> Job:
        answer, warnings = creating.create(
            self._talk,
            lambda marked: self._body(spec, marked=marked),
            clock=self._clock,
            unmarking=lambda: self._unmarked.add(spec.key),
        )
        job = self._job(answer, lost=True)
        return job.model_copy(update={"warnings": (*job.warnings, *warnings)})

    def get_job(self, job_id: str, /) -> Job:
        return self._job(self._talk.ask(read(f"{JOBS}/{segment(job_id)}")))

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        return self._page(JOBS, self._read_job, limit, cursor)

    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        return finding.find(self._talk, key, spec, since, unmarked=key in self._unmarked)

    def cancel_job(self, job_id: str, /) -> Job:
        return self._change(job_id, "cancel", over)

    def pause_job(self, job_id: str, /) -> Job:
        job = self._unended(job_id)
        return job if held(job) else self._change(job_id, "pause", held)

    def resume_job(self, job_id: str, /) -> Job:
        job = self._unended(job_id)
        if not held(job):
            return job
        return self._change(job_id, "resume", lambda job: not held(job))

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        return self._page(f"{JOBS}/{segment(job_id)}/events", event_of, limit, cursor)

    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:  # noqa: ARG002
        """All numbers on one page: the service lists the newest first, and has them in one file."""
        return Page(tuple(numbers.metrics(self._talk, job_id)))

    def list_checkpoints(
        self, job_id: str, /, *, limit: int, cursor: str | None
    ) -> Page[Checkpoint]:
        def checkpoint(one: Table) -> Checkpoint | None:
            return holdings.checkpoint_of(one, provider=self.name, job_id=job_id)

        found = self._page(f"{JOBS}/{segment(job_id)}/checkpoints", checkpoint, limit, cursor)
        return Page(holdings.with_best(found.items), found.next_cursor)

    # Files

    def list_dataset_files(self, *, limit: int, cursor: str | None) -> Page[DatasetFile]:
        purpose = {"purpose": uploads.PURPOSE}
        return self._page("/files", holdings.file_of, limit, cursor, **purpose)

    def get_dataset_file(self, file_id: str, /) -> DatasetFile:
        return files.get(self._talk, file_id)

    def delete_dataset_file(self, file_id: str, /) -> None:
        self._talk.delete(requests.delete(f"/files/{segment(file_id)}"))

    def download_dataset(self, file_id: str, path: Path, /) -> None:
        files.download(self._talk, file_id, path)

    def close(self) -> None:
        self._talk.close()

    # How it is done

    def _look_at_files(self, spec: JobSpec) -> None:
        for file in filter(None, (spec.training_file, spec.validation_file)):
            files.look(self._talk, file)

    def _page(
        self,
        path: str,
        make: Callable[[Table], T | None],
        limit: int,
        cursor: str | None,
        **query: str,
    ) -> Page[T]:
        answer = self._talk.ask(page(path, limit, cursor, **query))
        return page_of(answer, make, limit=limit, cursor=cursor, provider=self.name)

    def _job(self, answer: Table, *, lost: bool = False) -> Job:
        job = self._read_job(answer)
        if job is None:
            raise ResponseDecodeError(
                f"{self.name}: the answer has no job's id in it",
                provider=self.name,
                effect="unknown" if lost else "none",
            )
        return job

    def _change(self, job_id: str, verb: requests.Verb, done: Callable[[Job], bool]) -> Job:
        try:
            return self._job(self._talk.ask(requests.change_job(job_id, verb)))
        except (InvalidRequestError, ConflictError):
            # It has ended meanwhile, or a first try whose answer was lost has changed it.
            job = self.get_job(job_id) if verb == "cancel" else self._unended(job_id)
            if done(job):
                return job
            raise

    def _unended(self, job_id: str) -> Job:
        job = self.get_job(job_id)
        if job.status.terminal:
            raise ConflictError(
                f"{self.name}: the job {job_id!r} has {job.status.value}; create a new one",
                provider=self.name,
            )
        return job
