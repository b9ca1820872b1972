"""What a provider is: the one interface that a third party writes.

A verb beyond the core is supported exactly when the class has its `Can...` mix-in; a value is
supported exactly when it stands in `Capabilities`. All methods are synchronous and thread-safe;
they raise `FineTuneError`s. Ids reach them already parsed, never with a profile in front.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

from finetune_sdk.providers.support import (
    Capabilities,
    Field,
    MethodSupport,
    ProviderSettings,
    Rows,
)
from finetune_sdk.transport import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from finetune_sdk.datasets import Dataset
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
        Leftover,
        Metric,
        Model,
        NoEstimate,
        Page,
        TokenPiece,
    )

__all__ = [
    "CanClean",
    "CanDeploy",
    "CanDownloadModels",
    "CanEstimate",
    "CanFindJob",
    "CanInspect",
    "CanListCheckpoints",
    "CanListMetrics",
    "CanListModels",
    "CanPause",
    "CanReadLogs",
    "CanTokenize",
    "Capabilities",
    "Field",
    "FineTuneProvider",
    "MethodSupport",
    "ProviderSettings",
    "Rows",
]


class FineTuneProvider(ABC):
    """A service that fine-tunes."""

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    well_known_hosts: ClassVar[frozenset[str]] = frozenset()
    """Hosts of the vendor: a config file may name them without being trusted."""

    @property
    def clock(self) -> Clock:
        """The time that waiting goes by."""
        return SYSTEM_CLOCK

    @classmethod
    @abstractmethod
    def open(cls, settings: ProviderSettings, /) -> FineTuneProvider:
        """A provider from a profile. It may be of another class where settings change the verbs.

        Raises:
            ConfigurationError: a setting is unknown or wrong.
        """

    @abstractmethod
    def upload_dataset(self, dataset: Dataset, /, *, key: str) -> DatasetFile:
        """Brings the rows to where a job can read them. The same rows twice may be one file."""

    @abstractmethod
    def create_job(self, spec: JobSpec, /) -> Job:
        """Makes the job that `spec` describes. Re-entrant: the same `spec.key` gives the same job.

        The step that spends is last and alone.

        Raises:
            IdempotencyConflictError: the key made another job before.
        """

    @abstractmethod
    def get_job(self, job_id: str, /) -> Job:
        """The job as it stands.

        Raises:
            NotFoundError: there is none of that id.
        """

    @abstractmethod
    def list_jobs(self, *, limit: int, cursor: str | None) -> Page[Job]:
        """The jobs, newest first. `cursor` is None at first, then the last page's."""

    @abstractmethod
    def cancel_job(self, job_id: str, /) -> Job:
        """Ends the job. One that has ended already is given back as it is."""

    @abstractmethod
    def list_events(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        """What the job said, newest first."""

    @abstractmethod
    def close(self) -> None:
        """Lets go of connections. Jobs and deployments go on. Twice is allowed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class CanListMetrics(ABC):
    """Tells the numbers that a job measures."""

    @abstractmethod
    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        """The metrics, oldest first."""


class CanReadLogs(ABC):
    """Tells what the training process itself wrote."""

    @abstractmethod
    def read_logs(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[str]:
        """The log's lines, oldest first, secrets taken out."""


class CanListModels(ABC):
    """Lists what can be tuned and what was."""

    @abstractmethod
    def list_models(self, *, limit: int, cursor: str | None) -> Page[Model]: ...

    @abstractmethod
    def get_model(self, model_id: str, /) -> Model:
        """Raises:
        NotFoundError: there is none of that id.
        """
        ...

    @abstractmethod
    def delete_model(self, model_id: str, /) -> None:
        """Deletes a fine-tuned model.

        Raises:
            ConflictError: it is in use.
            NotFoundError: there is none of that id.
            UnsupportedError: it is a base model, which is not ours to delete.
        """


class CanDownloadModels(ABC):
    """Brings a fine-tuned model's files to this machine."""

    @abstractmethod
    def download_model(self, model_id: str, folder: Path, /) -> None:
        """Fills `folder`, which is empty and the caller's, with the model's files.

        Raises:
            NotFoundError: there is none of that id.
            UnsupportedError: the provider gives the files of this model to nobody.
        """


class CanPause(ABC):
    """Stops a job so that it can go on later."""

    @abstractmethod
    def pause_job(self, job_id: str, /) -> Job:
        """Asks the job to save what it has learned and to stop. One that is paused stays so.

        Raises:
            ConflictError: it has ended.
            NotFoundError: there is none of that id.
        """

    @abstractmethod
    def resume_job(self, job_id: str, /) -> Job:
        """Goes on with a paused job. One that runs or waits is given back as it is.

        Raises:
            ConflictError: it has ended.
            NotFoundError: there is none of that id.
        """


class CanListCheckpoints(ABC):
    """Tells the models that a job saves on the way."""

    @abstractmethod
    def list_checkpoints(
        self, job_id: str, /, *, limit: int, cursor: str | None
    ) -> Page[Checkpoint]:
        """The checkpoints that are complete, newest first, while the job runs too."""


class CanFindJob(ABC):
    """Finds what a create has made whose answer was lost."""

    @abstractmethod
    def find_jobs(self, key: str, /, *, spec: JobSpec | None = None) -> list[Job]:
        """The jobs that the key, or else this spec, has made; oldest first.

        Args:
            key: the idempotency key.
            spec: the whole call, for providers that do not keep the key.
        """


class CanClean(ABC):
    """Shows what it keeps on this machine's disk, and deletes what nobody needs."""

    @abstractmethod
    def list_leftovers(self) -> list[Leftover]:
        """What can be deleted without losing a model or a job that has not ended."""

    @abstractmethod
    def delete_leftover(self, leftover: Leftover, /) -> None:
        """Deletes one. What has come into use since it was listed stays.

        Raises:
            ConflictError: it is in use now.
        """


class CanEstimate(ABC):
    """Says beforehand what a job would cost. Nothing is sent for it, and nothing is made."""

    def encoding(self, model: str, /) -> str | None:  # noqa: ARG002 - most count themselves
        """The encoding of `datasets.tokens` that the model counts by; None where it has none."""
        return None

    @abstractmethod
    def estimate_cost(self, spec: JobSpec, rows: Rows, /) -> CostEstimate | NoEstimate:
        """US dollars, low to high. Quick: a create with `max_cost` waits for it.

        Args:
            spec: its files may be stand-ins for what is not uploaded yet.
            rows: what would be learned from; with tokens where `encoding` names how to count.
        """


class CanInspect(ABC):
    """Finds out beforehand how a job would go. It may take seconds, and makes no job."""

    @abstractmethod
    def inspect_job(self, spec: JobSpec, rows: Rows, /) -> Inspection:
        """What the job would choose, need and take.

        Args:
            spec: its files may be stand-ins for what is not uploaded yet.
            rows: what would be learned from.

        Raises:
            FineTuneError: the job would fail; what `create_job` would raise.
        """


class CanTokenize(ABC):
    """Shows rows as a model would read them. It may take seconds, and makes no job."""

    @abstractmethod
    def tokenize_rows(
        self, rows: Sequence[Mapping[str, object]], /, *, spec: JobSpec
    ) -> list[tuple[TokenPiece, ...]]:
        """Each row as its job would write it: token by token, and which of them carry loss.

        Args:
            rows: a few, in a format that the provider reads.
            spec: the job that would learn from them; its files are not looked at.

        Raises:
            UnsupportedError: not for the job's method.
            FineTuneError: the job would fail; what `create_job` would raise.
        """


class CanDeploy(ABC):
    """Serves models."""

    @abstractmethod
    def create_deployment(self, spec: DeploymentSpec, /) -> Deployment:
        """Starts to serve. Re-entrant by name: the same spec gives the same deployment.

        Raises:
            ConflictError: the name is taken by a deployment of something else.
        """

    @abstractmethod
    def get_deployment(self, name: str, /) -> Deployment:
        """Raises:
        NotFoundError: there is none of that name.
        """
        ...

    @abstractmethod
    def list_deployments(self, *, limit: int, cursor: str | None) -> Page[Deployment]: ...

    @abstractmethod
    def delete_deployment(self, name: str, /) -> None:
        """Ends it and what it costs. One that is gone already is no error."""

    @abstractmethod
    def cost_per_hour(self, spec: DeploymentSpec, /) -> float | None:
        """US dollars billed for each hour that it exists; 0 is free, None is not known."""

    @abstractmethod
    def connect(self, name: str, /) -> Connection:
        """How to talk to a deployment that is ready.

        Raises:
            ConflictError: it is not ready.
        """
