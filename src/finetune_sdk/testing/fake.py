"""`FakeProvider`: trains nothing, holds the real laws of jobs.

It is chosen by name or handed to a client; nothing falls back to it. What it tells says that it is
fake: metrics have the unit `fake`, models are called `fake:...`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import ClassVar

from finetune_sdk.datasets import Dataset, load
from finetune_sdk.datasets.tokens import auto_epochs, encoding_of
from finetune_sdk.errors import (
    ConfigurationError,
    ConflictError,
    IdempotencyConflictError,
    NotFoundError,
    SunsetError,
)
from finetune_sdk.prices import FREE, Price, Prices, training_cost
from finetune_sdk.prices.spent import by_tokens
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
    CanPreflight,
    CanReadLogs,
    Capabilities,
    FineTuneProvider,
    ProviderSettings,
    Rows,
)
from finetune_sdk.sunsets import Sunsets, ended, warnings
from finetune_sdk.testing.account import FakeAccount, asked, need, need_dollars
from finetune_sdk.testing.answers import Replies
from finetune_sdk.testing.capabilities import CAPABILITIES
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.days import days
from finetune_sdk.testing.jobs import FakeJob
from finetune_sdk.testing.listing import newest_first, oldest_first
from finetune_sdk.testing.records import RecordedCall as RecordedCall
from finetune_sdk.testing.script import DeploymentScript, JobScript
from finetune_sdk.testing.server import FakeServer
from finetune_sdk.testing.verbs import CHAT
from finetune_sdk.types import (
    Checkpoint,
    Connection,
    CostEstimate,
    DatasetFile,
    Deployment,
    DeploymentSpec,
    Inspection,
    Job,
    JobEvent,
    JobSpec,
    JobStatus,
    Metric,
    Model,
    NoEstimate,
    Page,
)


class FakeProvider(
    FakeAccount,
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
    CanPreflight,
    CanExport,
):
    """A provider in memory with a clock of its own.

    Attributes:
        clock: virtual; `wait` runs it forward, `clock.advance` does by hand.
        calls: every call so far, to assert on.
        uploads: the rows of each dataset file, by its id.
        specs: what each job was made of.
        chats: the body of each request to a deployment.
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
        deployment_script: DeploymentScript | None = None,
        cost_per_hour: float | None = 0.0,
        sunsets: Mapping[str, date] | Sunsets | None = None,
        new_jobs_end: date | None = None,
        clock: VirtualClock | None = None,
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
            deployment_script: how deployments go that `enqueue` says nothing of.
            cost_per_hour: US dollars that an hour of a deployment costs; None is not known.
            sunsets: by base model, the first day on which it answers no more.
            new_jobs_end: the first day on which no new job is taken.
            clock: to share with another fake; one of its own by default.

        Raises:
            TypeError: a script, a clock, a reply, prices or a cost are none.
            ValueError: a cost is below 0, or without an end.
        """
        need("prices", prices or Prices(), Prices)
        need_dollars("cost", cost)
        if cost_per_hour is not None:
            need_dollars("cost_per_hour", cost_per_hour)
        super().__init__(
            script or JobScript(), deployment_script or DeploymentScript(), clock or VirtualClock()
        )
        self._deleted_models: set[str] = set()
        self._server = FakeServer(replies, self._clock, self._hear)
        self._cost, self._cost_per_hour = cost, cost_per_hour
        self._priced_as, self._prices = priced_as, prices or Prices()
        self._sunsets = sunsets if isinstance(sunsets, Sunsets) else days(sunsets, new_jobs_end)

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
        return cls(priced_as=priced_as, prices=settings.prices, sunsets=settings.sunsets)

    # The provider.

    @asked
    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:  # noqa: ARG002
        name = f"file-{dataset.digest()[:16]}"
        rows = tuple(dict(row) for row in dataset)
        self.uploads[name] = rows
        return DatasetFile(
            id=name,
            name=dataset.name,
            rows=len(rows),
            digest=dataset.digest(),
            created_at=self.clock.now(),
        )

    @asked
    def create_job(self, spec: JobSpec, /) -> Job:
        made = next((job for job in self._jobs.values() if job.spec.key == spec.key), None)
        if made is None:
            made = self._make(spec)
        elif made.spec != spec:
            raise _other_call(spec.key, made.id)
        return made.job()

    @asked
    def get_job(self, job_id: str, /) -> Job:
        return self._found(job_id).job()

    @asked
    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        jobs = [made.job() for made in self._jobs.values()]
        return newest_first([*enumerate(jobs)], limit, cursor)

    @asked
    def cancel_job(self, job_id: str, /) -> Job:
        made = self._found(job_id)
        made.cancel()
        return made.job()

    @asked
    def pause_job(self, job_id: str, /) -> Job:
        made = self._unended(job_id)
        made.pause()
        return made.job()

    @asked
    def resume_job(self, job_id: str, /) -> Job:
        made = self._unended(job_id)
        made.resume()
        return made.job()

    @asked
    def find_jobs(
        self,
        key: str,
        /,
        *,
        spec: JobSpec | None = None,
        since: datetime | None = None,  # noqa: ARG002 - all are here, and each has its key
    ) -> list[Job]:
        found = [made for made in self._jobs.values() if made.spec.key == key]
        for made in found:
            if spec is not None and spec.call not in ("", made.spec.call):
                raise _other_call(key, made.id)
        return [made.job() for made in found]

    @asked
    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        return newest_first([*enumerate(self._found(job_id).events())], limit, cursor)

    @asked
    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        return oldest_first(self._found(job_id).metrics(int(cursor or 0)), limit, cursor)

    @asked
    def list_checkpoints(
        self, job_id: str, /, *, limit: int, cursor: str | None
    ) -> Page[Checkpoint]:
        saved = [(one.step, one) for one in self._found(job_id).checkpoints()]
        return newest_first(saved[::-1], limit, cursor)

    @asked
    def read_logs(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[str]:
        lines = [event.message for event in self._found(job_id).events()]
        return oldest_first(enumerate(lines), limit, cursor)

    @asked
    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:
        return oldest_first(self._models(), limit, cursor)

    @asked
    def get_model(self, model_id: str, /) -> Model:
        return self._model(model_id)

    @asked
    def delete_model(self, model_id: str, /) -> None:
        self._model(model_id)
        self._deleted_models.add(model_id)

    @asked
    def download_model(self, model_id: str, folder: Path, /) -> None:
        saved = {one.model for made in self._jobs.values() for one in made.checkpoints()}
        if model_id not in saved | {model.id for _, model in self._models()}:
            raise self._no_model(model_id)
        words = f"{model_id} is no model: the provider 'fake' trains nothing.\n"
        (folder / "fake.txt").write_text(words, encoding="utf-8")

    @asked
    def download_dataset(self, file_id: str, path: Path, /) -> None:
        rows = self.uploads.get(file_id)
        if rows is None:
            raise NotFoundError(f"no file {file_id!r}", provider=self.name, status_code=404)
        load(rows).write(path)

    def encoding(self, model: str, /) -> str | None:
        self._faults.end("encoding")
        return encoding_of(model)

    def preflight_job(self, spec: JobSpec, /) -> Inspection:
        self._faults.end("preflight_job")
        ends, today = self._sunsets.of(self.name, spec.model), self.clock.now().date()
        if reason := ended(ends, today):
            raise SunsetError(
                f"{self.name} takes no job on {spec.model!r}: {reason}; nothing was sent"
            )
        return Inspection(
            shutdown_date=ends.shutdown,
            warnings=tuple(warnings(ends, self.name, spec.model, today)),
        )

    @asked
    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        if self._priced_as is None:
            return CostEstimate(low=self._cost, high=self._cost, source="said by the test")
        epochs = spec.method.epochs or auto_epochs(rows.count or 1)
        return training_cost(
            self._prices, self._priced_as, spec.model, tokens=rows.tokens, epochs=epochs
        )

    @asked
    def spent(self, job: Job, /) -> CostEstimate | NoEstimate:
        if self._priced_as is None:
            return CostEstimate(low=self._cost, high=self._cost, source="said by the test")
        return by_tokens(self._prices, self._priced_as, job)

    @asked
    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        there = self._server.has(spec.name)
        script = self._deployment_script if there else self._next_deployment_script()
        return self._server.create(spec, script, self._cost_per_hour)

    @asked
    def get_deployment(self, name: str, /) -> Deployment:
        return self._server.get(name)

    @asked
    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        return oldest_first(self._server.all(), limit, cursor)

    @asked
    def pause_deployment(self, name: str, /) -> Deployment:
        return self._server.pause(name)

    @asked
    def resume_deployment(self, name: str, /) -> Deployment:
        return self._server.resume(name)

    @asked
    def delete_deployment(self, name: str, /) -> None:
        self._server.delete(name)

    @asked
    def cost_per_hour(self, spec: DeploymentSpec, /) -> float | None:  # noqa: ARG002 - all cost the same
        return self._cost_per_hour

    @asked
    def request_price(self, model: str, /, *, tuned: bool) -> Price | None:
        if self._priced_as is None:
            return FREE
        return self._prices.of(self._priced_as, model, "tuned_input" if tuned else "input")

    @asked
    def connect(self, name: str, /) -> Connection:
        return self._server.connect(name)

    def close(self) -> None:
        self._record("close")

    # How it keeps its laws.

    def _hear(self, name: str, body: Mapping[str, object]) -> None:
        self._record(CHAT, name, body)

    def _make(self, spec: JobSpec) -> FakeJob:
        id_ = f"ftjob-fake-{len(self._jobs) + 1}"
        script = self._next_script()
        made = FakeJob(spec, id_, self.name, script, self.clock, self.clock.now())
        self._jobs[made.id] = made
        return made

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

    def _model(self, model_id: str) -> Model:
        for _, model in self._models():
            if model.id == model_id:
                return model
        raise self._no_model(model_id)

    def _models(self) -> list[tuple[int, Model]]:
        """Those that are there, by the numbers of their jobs."""
        jobs = enumerate(self._jobs.values())
        made = [(n, job.model()) for n, job in jobs if job.status is JobStatus.SUCCEEDED]
        return [(n, self._dated(one)) for n, one in made if one.id not in self._deleted_models]

    def _dated(self, model: Model) -> Model:
        ends = self._sunsets.of(self.name, model.base_model or model.id)
        said = {"shutdown_date": ends.shutdown, "new_jobs_end": ends.new_jobs_end}
        return model.model_copy(update=said)


def _other_call(key: str, job_id: str) -> IdempotencyConflictError:
    return IdempotencyConflictError(
        f"the key {key!r} made the job {job_id!r} with another call; use a new key for a new job"
    )
