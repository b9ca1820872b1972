"""`FakeProvider`: trains nothing, holds the real laws of jobs.

It is chosen by name or handed to a client; nothing falls back to it. What it tells says that it is
fake: metrics have the unit `fake`, models are called `fake:...`.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, TypeVar

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.datasets.tokens import auto_epochs, encoding_of
from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    FineTuneError,
    IdempotencyConflictError,
    NotFoundError,
)
from finetune_sdk.prices import Price, Prices, training_cost
from finetune_sdk.prices.spent import FREE, by_tokens
from finetune_sdk.providers.base import (
    CanDeploy,
    CanDownloadModels,
    CanEstimate,
    CanExport,
    CanFindJob,
    CanListCheckpoints,
    CanListMetrics,
    CanListModels,
    CanPause,
    CanPauseDeployments,
    CanReadLogs,
    Capabilities,
    FineTuneProvider,
    ProviderSettings,
    Rows,
)
from finetune_sdk.testing.capabilities import CAPABILITIES
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.jobs import FakeJob
from finetune_sdk.testing.listing import page_of
from finetune_sdk.testing.script import JobScript
from finetune_sdk.testing.server import FakeServer, Replies
from finetune_sdk.types import (
    Checkpoint,
    Connection,
    CostEstimate,
    DatasetFile,
    Deployment,
    DeploymentSpec,
    Job,
    JobEvent,
    JobSpec,
    JobStatus,
    Metric,
    Model,
    NoEstimate,
    Page,
)

T = TypeVar("T")


@dataclass(frozen=True)
class RecordedCall:
    """One call that the provider got: its name, and what it was given."""

    name: str
    arguments: tuple[object, ...]


class FakeProvider(
    FineTuneProvider,
    CanListMetrics,
    CanReadLogs,
    CanListCheckpoints,
    CanPause,
    CanFindJob,
    CanListModels,
    CanDownloadModels,
    CanEstimate,
    CanDeploy,
    CanPauseDeployments,
    CanExport,
):
    """A provider in memory with a clock of its own.

    Attributes:
        clock: virtual; `wait` runs it forward, `clock.advance` does by hand.
        calls: every call so far, to assert on.
        uploads: the rows of each dataset file, by its id.
    """

    name: ClassVar[str] = "fake"
    capabilities: ClassVar[Capabilities] = CAPABILITIES
    ephemeral: ClassVar[bool] = True
    shares_files: ClassVar[bool] = True

    def __init__(
        self,
        *,
        script: JobScript | None = None,
        replies: Replies | None = None,
        cost: float = 0.0,
        priced_as: str | None = None,
        prices: Prices | None = None,
    ) -> None:
        """Makes an empty account.

        Args:
            script: how jobs go that `enqueue` says nothing of.
            replies: what deployments answer: a table from the last user message, or a function
                of all messages.
            cost: US dollars that every job is estimated to cost.
            priced_as: a provider, such as `openai`: jobs are estimated to cost what they would
                there. Instead of `cost`.
            prices: the prices for that; the packaged ones by default.
        """
        self._clock = VirtualClock()
        self.calls: list[RecordedCall] = []
        self.uploads: dict[str, tuple[dict[str, object], ...]] = {}
        self._script = script or JobScript()
        self._scripts: deque[JobScript] = deque()
        self._failures: dict[str, deque[FineTuneError]] = {}
        self._jobs: dict[str, FakeJob] = {}
        self._deleted_models: set[str] = set()
        self._server = FakeServer(replies, self._clock)
        self._cost = cost
        self._priced_as, self._prices = priced_as, prices or Prices()
        self._lock = threading.RLock()

    @property
    def clock(self) -> VirtualClock:
        return self._clock

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> FakeProvider:
        values = dict(settings.values)
        priced_as = values.pop("priced_as", None)
        if values:
            raise ConfigurationError(
                "the provider 'fake' has no setting but `priced_as`; leave out "
                + ", ".join(f"`{name}`" for name in sorted(values))
            )
        if priced_as is not None and not isinstance(priced_as, str):
            raise ConfigurationError("`priced_as` is a provider's name, such as 'openai'")
        return cls(priced_as=priced_as, prices=settings.prices)

    # What a test says beforehand.

    def enqueue(self, *scripts: JobScript) -> None:
        """The next jobs go by these, in order."""
        self._scripts.extend(scripts)

    def fail_next(self, call: str, *errors: FineTuneError) -> None:
        """The next calls of this name (`"get_job"`, `"create_job"`, ...) raise these, in order."""
        if not hasattr(FakeProvider, call):
            raise ValueError(f"`call` is {call!r}; it is the name of a method of a provider")
        self._failures.setdefault(call, deque()).extend(errors)

    def say(self, job_id: str, word: str | None) -> None:
        """The job's status reads this word from now on, known or not; None ends that."""
        self._found(job_id).word = word

    def pause(self, job_id: str) -> None:
        """Pauses the job, as somebody else might."""
        self._found(job_id).pause()

    # The provider.

    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        self._record("upload_dataset", dataset, key)
        name = f"file-{dataset.digest()[:16]}"
        rows = tuple(dict(row) for row in dataset)
        with self._lock:
            self.uploads[name] = rows
        return DatasetFile(
            id=name,
            name=dataset.name,
            rows=len(rows),
            digest=dataset.digest(),
            created_at=self.clock.now(),
        )

    def create_job(self, spec: JobSpec, /) -> Job:
        self._record("create_job", spec)
        with self._lock:
            made = next((job for job in self._jobs.values() if job.spec.key == spec.key), None)
            if made is None:
                made = self._make(spec)
            elif made.spec != spec:
                raise _other_call(spec.key, made.id)
            return made.job()

    def get_job(self, job_id: str, /) -> Job:
        self._record("get_job", job_id)
        return self._found(job_id).job()

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        self._record("list_jobs", limit, cursor)
        with self._lock:
            jobs = [made.job() for made in reversed(self._jobs.values())]
        return page_of(jobs, limit, cursor)

    def cancel_job(self, job_id: str, /) -> Job:
        self._record("cancel_job", job_id)
        with self._lock:
            made = self._found(job_id)
            made.cancel()
            return made.job()

    def pause_job(self, job_id: str, /) -> Job:
        self._record("pause_job", job_id)
        with self._lock:
            made = self._unended(job_id)
            made.pause()
            return made.job()

    def resume_job(self, job_id: str, /) -> Job:
        self._record("resume_job", job_id)
        with self._lock:
            made = self._unended(job_id)
            made.resume()
            return made.job()

    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        self._record("find_jobs", key, spec, since)
        with self._lock:
            found = [made for made in self._jobs.values() if made.spec.key == key]
        for made in found:
            if spec is not None and spec.call not in ("", made.spec.call):
                raise _other_call(key, made.id)
        return [made.job() for made in found]

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        self._record("list_events", job_id, limit, cursor)
        return page_of(self._found(job_id).events()[::-1], limit, cursor)

    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        self._record("list_metrics", job_id, limit, cursor)
        return page_of(list(self._found(job_id).metrics()), limit, cursor)

    def list_checkpoints(
        self, job_id: str, /, *, limit: int, cursor: str | None
    ) -> Page[Checkpoint]:
        self._record("list_checkpoints", job_id, limit, cursor)
        return page_of(self._found(job_id).checkpoints(), limit, cursor)

    def read_logs(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[str]:
        self._record("read_logs", job_id, limit, cursor)
        lines = [event.message for event in self._found(job_id).events()]
        return page_of(lines, limit, cursor)

    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:
        self._record("list_models", limit, cursor)
        return page_of(self._models(), limit, cursor)

    def get_model(self, model_id: str, /) -> Model:
        self._record("get_model", model_id)
        for model in self._models():
            if model.id == model_id:
                return model
        raise self._no_model(model_id)

    def delete_model(self, model_id: str, /) -> None:
        self._record("delete_model", model_id)
        self.get_model(model_id)
        self._deleted_models.add(model_id)

    def download_model(self, model_id: str, folder: Path, /) -> None:
        self._record("download_model", model_id, folder)
        saved = {one.model for made in self._jobs.values() for one in made.checkpoints()}
        if model_id not in saved | {model.id for model in self._models()}:
            raise self._no_model(model_id)
        words = f"{model_id} is no model: the provider 'fake' trains nothing.\n"
        (folder / "fake.txt").write_text(words, encoding="utf-8")

    def download_dataset(self, file_id: str, path: Path, /) -> None:
        self._record("download_dataset", file_id, path)
        rows = self.uploads.get(file_id)
        if rows is None:
            raise NotFoundError(f"no file {file_id!r}", provider=self.name, status_code=404)
        load(rows).write(path)

    def encoding(self, model: str, /) -> str | None:
        return encoding_of(model)

    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        self._record("estimate_cost", spec, rows)
        if self._priced_as is None:
            return CostEstimate(low=self._cost, high=self._cost, source="said by the test")
        epochs = spec.method.epochs or auto_epochs(rows.count or 1)
        return training_cost(
            self._prices, self._priced_as, spec.model, tokens=rows.tokens, epochs=epochs
        )

    def spent(self, job: Job, /) -> CostEstimate | NoEstimate:
        self._record("spent", job)
        if self._priced_as is None:
            return CostEstimate(low=self._cost, high=self._cost, source="said by the test")
        return by_tokens(self._prices, self._priced_as, job)

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        self._record("create_deployment", spec)
        return self._server.create(spec)

    def get_deployment(self, name: str, /) -> Deployment:
        self._record("get_deployment", name)
        return self._server.get(name)

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        self._record("list_deployments", limit, cursor)
        return page_of(self._server.all(), limit, cursor)

    def pause_deployment(self, name: str, /) -> Deployment:
        self._record("pause_deployment", name)
        return self._server.pause(name)

    def resume_deployment(self, name: str, /) -> Deployment:
        self._record("resume_deployment", name)
        return self._server.resume(name)

    def delete_deployment(self, name: str, /) -> None:
        self._record("delete_deployment", name)
        self._server.delete(name)

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float:
        self._record("cost_per_hour", spec)
        return 0.0

    def request_price(self, model: str, /, *, tuned: bool) -> Price | None:
        self._record("request_price", model, tuned)
        if self._priced_as is None:
            return FREE
        return self._prices.of(self._priced_as, model, "tuned_input" if tuned else "input")

    def connect(self, name: str, /) -> Connection:
        self._record("connect", name)
        return self._server.connect(name)

    def close(self) -> None:
        self._record("close")

    # How it keeps its laws.

    def _record(self, name: str, *arguments: object) -> None:
        with self._lock:
            self.calls.append(RecordedCall(name, arguments))
            failures = self._failures.get(name)
            error = failures.popleft() if failures else None
        if error is not None:
            raise error

    def _make(self, spec: JobSpec) -> FakeJob:
        id_ = f"ftjob-fake-{len(self._jobs) + 1}"
        script = self._scripts.popleft() if self._scripts else self._script
        made = FakeJob(spec, id_, self.name, script, self.clock, self.clock.now())
        self._jobs[made.id] = made
        return made

    def _found(self, job_id: str) -> FakeJob:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFoundError(
                f"no job {job_id!r}; this FakeProvider has {len(self._jobs)}",
                provider=self.name,
                status_code=404,
            ) from None

    def _unended(self, job_id: str) -> FakeJob:
        made = self._found(job_id)
        if made.status.terminal:
            raise ConflictError(
                f"the job {job_id!r} has {made.status.value}; create a new one",
                provider=self.name,
                status_code=409,
            )
        return made

    def _no_model(self, model_id: str) -> NotFoundError:
        return NotFoundError(f"no model {model_id!r}", provider=self.name, status_code=404)

    def _models(self) -> list[Model]:
        made = [job.model() for job in self._jobs.values() if job.status is JobStatus.SUCCEEDED]
        return [model for model in made if model.id not in self._deleted_models]


def _other_call(key: str, job_id: str) -> IdempotencyConflictError:
    return IdempotencyConflictError(
        f"the key {key!r} made the job {job_id!r} with another call; use a new key for a new job"
    )
