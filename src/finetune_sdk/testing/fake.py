"""`FakeProvider`: trains nothing, holds the real laws of jobs.

It is chosen by name or handed to a client; nothing falls back to it. What it tells says that it is
fake: metrics have the unit `fake`, models are called `fake:...`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, TypeVar

from finetune_sdk.datasets import Dataset
from finetune_sdk.errors import (
    ConfigurationError,
    FineTuneError,
    IdempotencyConflictError,
    NotFoundError,
)
from finetune_sdk.providers.base import (
    CanDeploy,
    CanEstimate,
    CanListMetrics,
    CanListModels,
    CanReadLogs,
    Capabilities,
    FineTuneProvider,
    MethodSupport,
    ProviderSettings,
)
from finetune_sdk.testing.clock import VirtualClock
from finetune_sdk.testing.script import JobScript, fake_loss
from finetune_sdk.testing.server import FakeServer, Replies
from finetune_sdk.types import (
    Connection,
    CostEstimate,
    DatasetFile,
    Deployment,
    DeploymentSpec,
    Job,
    JobError,
    JobEvent,
    JobProgress,
    JobSpec,
    JobStatus,
    MethodName,
    Metric,
    Model,
    Page,
)

T = TypeVar("T")

_SHARED = frozenset(
    {"epochs", "batch_size", "learning_rate", "learning_rate_multiplier", "lora", "max_length"}
)
_OWN: Mapping[MethodName, frozenset[str]] = {
    MethodName.SUPERVISED: frozenset({"train_on"}),
    MethodName.DPO: frozenset({"beta"}),
    MethodName.ORPO: frozenset({"beta"}),
    MethodName.KTO: frozenset({"beta", "desirable_weight", "undesirable_weight"}),
    MethodName.REWARD: frozenset({"center_rewards_coefficient"}),
    MethodName.REINFORCEMENT: frozenset(
        {"grader", "rewards", "reward_weights", "num_generations", "max_completion_length"}
        | {"temperature", "beta"}
    ),
}

CAPABILITIES = Capabilities(
    methods={
        name: MethodSupport(
            hyperparameters=_SHARED | own,
            train_on=("assistant", "all"),
            content=frozenset({"text", "image", "tools"}),
            graders=frozenset({"string_check", "text_similarity", "python"}),
        )
        for name, own in _OWN.items()
    },
    fields=frozenset({"seed", "suffix", "metadata", "validation_data"}),
    poll_interval=(5.0, 60.0),
)


@dataclass(frozen=True)
class RecordedCall:
    """One call that the provider got: its name, and what it was given."""

    name: str
    arguments: tuple[object, ...]


@dataclass
class _FakeJob:
    spec: JobSpec
    id: str
    script: JobScript
    created_at: datetime
    cancelled_at: datetime | None = None
    word: str | None = None
    paused: bool = False


class FakeProvider(
    FineTuneProvider, CanListMetrics, CanReadLogs, CanListModels, CanEstimate, CanDeploy
):
    """A provider in memory with a clock of its own.

    Attributes:
        clock: virtual; `wait` runs it forward, `clock.advance` does by hand.
        calls: every call so far, to assert on.
        uploads: the rows of each dataset file, by its id.
    """

    name: ClassVar[str] = "fake"
    capabilities: ClassVar[Capabilities] = CAPABILITIES

    def __init__(
        self,
        *,
        script: JobScript | None = None,
        replies: Replies | None = None,
        cost: float = 0.0,
    ) -> None:
        """Makes an empty account.

        Args:
            script: how jobs go that `enqueue` says nothing of.
            replies: what deployments answer: a table from the last user message, or a function
                of all messages.
            cost: US dollars that every job is estimated to cost.
        """
        self._clock = VirtualClock()
        self.calls: list[RecordedCall] = []
        self.uploads: dict[str, tuple[dict[str, object], ...]] = {}
        self._script = script or JobScript()
        self._scripts: deque[JobScript] = deque()
        self._failures: dict[str, deque[FineTuneError]] = {}
        self._jobs: dict[str, _FakeJob] = {}
        self._deleted_models: set[str] = set()
        self._server = FakeServer(replies, self._clock)
        self._cost = cost
        self._lock = threading.RLock()

    @property
    def clock(self) -> VirtualClock:
        return self._clock

    @classmethod
    def open(cls, settings: ProviderSettings, /) -> FakeProvider:
        if settings.values:
            raise ConfigurationError(
                "the provider 'fake' has no settings; leave out "
                + ", ".join(f"`{name}`" for name in sorted(settings.values))
            )
        return cls()

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
        self._found(job_id).paused = True

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
                raise IdempotencyConflictError(
                    f"the key {spec.key!r} made the job {made.id!r} with another call; "
                    "use a new key for a new job"
                )
            return self._job(made)

    def get_job(self, job_id: str, /) -> Job:
        self._record("get_job", job_id)
        return self._job(self._found(job_id))

    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        self._record("list_jobs", limit, cursor)
        with self._lock:
            jobs = [self._job(job) for job in reversed(self._jobs.values())]
        return page_of(jobs, limit, cursor)

    def cancel_job(self, job_id: str, /) -> Job:
        self._record("cancel_job", job_id)
        with self._lock:
            made = self._found(job_id)
            if not self._job(made).status.terminal:
                made.cancelled_at = self.clock.now()
            return self._job(made)

    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        self._record("list_events", job_id, limit, cursor)
        return page_of(list(reversed(self._events(self._found(job_id)))), limit, cursor)

    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        self._record("list_metrics", job_id, limit, cursor)
        made = self._found(job_id)
        steps = range(1, made.script.step(self._age(made)) + 1)
        metrics = [Metric(step=n, name="loss", value=fake_loss(n), unit="fake") for n in steps]
        return page_of(metrics, limit, cursor)

    def read_logs(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[str]:
        self._record("read_logs", job_id, limit, cursor)
        lines = [event.message for event in self._events(self._found(job_id))]
        return page_of(lines, limit, cursor)

    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]:
        self._record("list_models", limit, cursor)
        return page_of(self._models(), limit, cursor)

    def get_model(self, model_id: str, /) -> Model:
        self._record("get_model", model_id)
        for model in self._models():
            if model.id == model_id:
                return model
        raise NotFoundError(f"no model {model_id!r}", provider=self.name, status_code=404)

    def delete_model(self, model_id: str, /) -> None:
        self._record("delete_model", model_id)
        self.get_model(model_id)
        self._deleted_models.add(model_id)

    def estimate_cost(self, *, model: str, training_rows: int, method: MethodName) -> CostEstimate:
        self._record("estimate_cost", model, training_rows, method)
        return CostEstimate(low=self._cost, high=self._cost, source="said by the test")

    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        self._record("create_deployment", spec)
        return self._server.create(spec)

    def get_deployment(self, name: str, /) -> Deployment:
        self._record("get_deployment", name)
        return self._server.get(name)

    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]:
        self._record("list_deployments", limit, cursor)
        return page_of(self._server.all(), limit, cursor)

    def delete_deployment(self, name: str, /) -> None:
        self._record("delete_deployment", name)
        self._server.delete(name)

    def cost_per_hour(self, spec: DeploymentSpec, /) -> float:
        self._record("cost_per_hour", spec)
        return 0.0

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

    def _make(self, spec: JobSpec) -> _FakeJob:
        number = len(self._jobs) + 1
        script = self._scripts.popleft() if self._scripts else self._script
        made = _FakeJob(spec, f"ftjob-fake-{number}", script, self.clock.now())
        self._jobs[made.id] = made
        return made

    def _found(self, job_id: str) -> _FakeJob:
        try:
            return self._jobs[job_id]
        except KeyError:
            raise NotFoundError(
                f"no job {job_id!r}; this FakeProvider has {len(self._jobs)}",
                provider=self.name,
                status_code=404,
            ) from None

    def _age(self, made: _FakeJob) -> float:
        end = made.cancelled_at or self.clock.now()
        return (end - made.created_at).total_seconds()

    def _status(self, made: _FakeJob) -> JobStatus:
        if made.word is not None:
            known = {status.value: status for status in JobStatus}
            return known.get(made.word.lower(), JobStatus.UNKNOWN)
        if made.cancelled_at is not None:
            return JobStatus.CANCELLED
        status = made.script.status(self._age(made))
        return JobStatus.PAUSED if made.paused and not status.terminal else status

    def _job(self, made: _FakeJob) -> Job:
        spec, status = made.spec, self._status(made)
        step, steps = made.script.step(self._age(made)), made.script.steps
        failed = JobError(code="scripted", message="the script says so")
        return Job(
            id=made.id,
            provider=self.name,
            status=status,
            raw_status=made.word or status.value,
            model=spec.model,
            method=spec.method,
            fine_tuned_model=_made(made) if status is JobStatus.SUCCEEDED else None,
            training_file=spec.training_file,
            validation_file=spec.validation_file,
            created_at=made.created_at,
            finished_at=self._finished_at(made) if status.terminal else None,
            suffix=spec.suffix,
            seed=spec.seed,
            metadata=spec.metadata,
            progress=JobProgress(step=step, steps=steps, loss=fake_loss(step)) if step else None,
            error=(made.script.error or failed) if status is JobStatus.FAILED else None,
        )

    def _finished_at(self, made: _FakeJob) -> datetime:
        return made.cancelled_at or made.created_at + timedelta(seconds=made.script.duration)

    def _events(self, made: _FakeJob) -> list[JobEvent]:
        status = self._status(made)
        told: Sequence[tuple[float, bool, str]] = (
            (0.0, True, "the fake job is created: nothing will be trained"),
            (made.script.queued, True, "the fake job runs"),
            (made.script.duration, status.terminal, f"the fake job has {status.value}"),
        )
        age = self._age(made)
        end = made.cancelled_at is not None
        return [
            JobEvent(
                id=f"ev-{made.id}-{number}",
                created_at=made.created_at + timedelta(seconds=min(at, age)),
                message=message,
            )
            for number, (at, wanted, message) in enumerate(told)
            if wanted and (at <= age or (end and number == len(told) - 1))
        ]

    def _models(self) -> list[Model]:
        made = [job for job in self._jobs.values() if self._status(job) is JobStatus.SUCCEEDED]
        return [
            Model(
                id=_made(job),
                provider=self.name,
                kind="fine_tuned",
                base_model=job.spec.model,
                job_id=job.id,
                created_at=self._finished_at(job),
            )
            for job in made
            if _made(job) not in self._deleted_models
        ]


def page_of(items: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
    """A page of a list that is all in memory; the cursor is a position."""
    start = int(cursor or 0)
    end = start + limit
    return Page(tuple(items[start:end]), str(end) if end < len(items) else None)


def _made(job: _FakeJob) -> str:
    return f"fake:{job.spec.model}:{job.spec.suffix or 'model'}:{job.id}"
