"""What a provider may do with jobs beyond the core."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from finetune_sdk.types import Checkpoint, Job, JobSpec, Metric, Page, WebhookEvent


class CanFindJob(ABC):
    """Finds what a create has made whose answer was lost."""

    @abstractmethod
    def find_jobs(
        self, key: str, /, *, spec: JobSpec | None = None, since: datetime | None = None
    ) -> list[Job]:
        """The jobs that the key, or else this spec, has made; oldest first.

        The list is read to its end, and filtered here too: a server may pass over a filter.

        Args:
            key: the idempotency key.
            spec: the whole call, for providers that do not keep the key, or not always.
            since: when the call was made, where it is known: older jobs are none of it.

        Raises:
            IdempotencyConflictError: the key made a job of another call than `spec`.
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


class CanListMetrics(ABC):
    """Tells the numbers that a job measures."""

    @abstractmethod
    def list_metrics(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[Metric]:
        """The metrics, oldest first."""


class CanListCheckpoints(ABC):
    """Tells the models that a job saves on the way."""

    @abstractmethod
    def list_checkpoints(
        self, job_id: str, /, *, limit: int, cursor: str | None
    ) -> Page[Checkpoint]:
        """The checkpoints that are complete, newest first, while the job runs too."""


class CanReadLogs(ABC):
    """Tells what the training process itself wrote."""

    @abstractmethod
    def read_logs(self, job_id: str, /, *, limit: int, cursor: str | None) -> Page[str]:
        """The log's lines, oldest first, secrets taken out."""


class CanVerifyWebhooks(ABC):
    """Tells what a provider calls to say that a job has ended from what anybody could send."""

    @abstractmethod
    def parse_webhook(self, payload: bytes, headers: Mapping[str, str], /) -> WebhookEvent:
        """What the request says. Nothing is sent for it.

        Raises:
            AuthenticationError: the signature is wrong, old or missing.
            ConfigurationError: no secret is set to check it by.
            ResponseDecodeError: it is signed and cannot be read.
        """


class CanRescue(ABC):
    """Gets a model that was trained to where it belongs, where the job itself could not."""

    @abstractmethod
    def rescue_job(self, job_id: str, /) -> Job:
        """The job as it stands, once what it kept is in its place. Nothing is trained again.

        One that needs none of it is given back as it is.

        Raises:
            NotFoundError: there is none of that id, or it kept nothing.
        """


class CanExport(ABC):
    """Gives back the rows that a job has learned from."""

    @abstractmethod
    def download_dataset(self, file_id: str, path: Path, /) -> None:
        """Writes the rows of a dataset file to `path`, which does not exist yet.

        Raises:
            NotFoundError: there is none of that id any more.
            PermissionDeniedError: the provider does not give it out.
        """
