"""What a provider may say and do before a job is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from finetune_sdk.types import NoEstimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from finetune_sdk.providers.support import Rows
    from finetune_sdk.types import CostEstimate, Inspection, Job, JobSpec, TokenPiece


class CanPreflight(ABC):
    """Finds out in one look whether a job would be taken. It is asked before anything is sent."""

    @abstractmethod
    def preflight_job(self, spec: JobSpec, /) -> Inspection:
        """What is known of the job beforehand: when its model ends, and warnings.

        Quick: every create waits for it. Its files are `NOT_SENT` where they are not uploaded yet.

        Raises:
            SunsetError: the provider takes no such job any more.
            FineTuneError: the job would be refused; what `create_job` would raise.
        """


class CanPrepare(ABC):
    """Has something to wait for between an upload and the job."""

    @abstractmethod
    def prepare_job(self, spec: JobSpec, /) -> None:
        """Waits until the job's files can be read. Nothing is paid; may be called again.

        Raises:
            DatasetFileError: the provider refused a file, or has none of that id.
            WaitTimeoutError: a file takes too long; the same call later goes on with it.
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

    def spent(self, job: Job, /) -> CostEstimate | NoEstimate:  # noqa: ARG002
        """What a job that has ended has cost, as far as it can be told. Nothing is sent."""
        return NoEstimate(reason="the provider tells no cost of a job that has ended")


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
