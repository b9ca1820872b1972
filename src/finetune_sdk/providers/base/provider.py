"""The core: what every provider does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

from finetune_sdk.providers.support import Capabilities, ProviderSettings
from finetune_sdk.transport import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from finetune_sdk.datasets import Dataset
    from finetune_sdk.types import DatasetFile, Job, JobEvent, JobSpec, Page


class FineTuneProvider(ABC):
    """A service that fine-tunes."""

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    well_known_hosts: ClassVar[frozenset[str]] = frozenset()
    """Hosts of the vendor: a config file may name them without being trusted."""
    programs: ClassVar[frozenset[str]] = frozenset()
    """Settings that say what is run: a project's own config file may not have them."""
    ephemeral: ClassVar[bool] = False
    """Its jobs are gone with the process, and so is the journal of their submissions."""
    shares_files: ClassVar[bool] = False
    """Many jobs may learn from one upload: what a key has made is found without its file."""

    @property
    def clock(self) -> Clock:
        """The time that waiting goes by."""
        return SYSTEM_CLOCK

    @property
    def account(self) -> str:
        """Whose jobs these are: an address, an organization, a folder; never a secret.

        The same call at another account is another submission.
        """
        return ""

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

        Where the service itself knows no keys, it makes another one: whoever calls asks
        `find_jobs` before, which then finds them all.

        The step that spends is last and alone, and sent once: where its answer is lost, the error
        says so by `effect="unknown"`, and `find_jobs` is asked.

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
