"""What a runner is: a place where a job runs, and how it is asked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime

from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.types import Job, JobSpec


class Runner(ABC):
    """Starts jobs and tells of them. All of it raises `FineTuneError`s."""

    @abstractmethod
    def start(self, order: Order) -> Job:
        """Makes the job. Re-entrant: what an earlier call of the same key has made is gone on with.

        The step that spends is last and alone; where its answer is lost, the error says so by
        `effect="unknown"`.
        """

    @abstractmethod
    def get(self, job_id: str) -> Job:
        """The job as it stands; one that succeeded has its model.

        Raises:
            NotFoundError: there is none of that id.
        """

    @abstractmethod
    def find(self, key: str, *, spec: JobSpec | None, since: datetime | None) -> list[Job]:
        """The jobs of a key, oldest first.

        Raises:
            IdempotencyConflictError: the key made a job of another call than `spec`.
        """

    @abstractmethod
    def cancel(self, job_id: str) -> Job:
        """Ends the job and what it costs. One that has ended is given back as it is."""

    @abstractmethod
    def log(self, job_id: str) -> Sequence[str]:
        """What the job has written, oldest line first, without secrets."""

    @abstractmethod
    def list(self) -> Iterator[Job]:
        """The jobs that were made from here or from anywhere with this package, newest first."""
