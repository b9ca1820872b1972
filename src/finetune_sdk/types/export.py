"""A job that was taken out of a provider."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import JsonValue

from finetune_sdk.types._base import Document, Value
from finetune_sdk.types.dataset import DatasetFile
from finetune_sdk.types.deployment import Deployment
from finetune_sdk.types.job import JobStatus
from finetune_sdk.types.model import Model

MIGRATED_FROM = "migrated_from"
"""The word of a job's metadata that names the job that it is made after."""


class Gap(Value):
    """Something that could not be had.

    Attributes:
        what: such as `training data`.
        why: in words.
        again: another try may have it; False is for good.
    """

    what: str
    why: str
    again: bool = False


class ExportedFile(Value):
    """A file of an export.

    Attributes:
        role: what it is to the job: `training`, `validation`.
        name: in the job's folder.
        id: the provider's name for it.
        bytes: its size.
        digest: SHA-256 of its bytes, in hexadecimal.
        rows: lines that are not blank.
    """

    role: Literal["training", "validation"]
    name: str
    id: str
    bytes: int
    digest: str
    rows: int


class Lineage(Document):
    """Where a model came from: what `lineage.json` of an export says.

    Attributes:
        handle: `profile:id`.
        status: of the job when it was exported; one that goes on is exported again.
        base_model: what was trained.
        migrated_from: the handle of the job that it was made after, at another place.
        hyperparameters: as they were in effect, the provider's own choices included.
        files: the rows.
        gaps: what could not be had.
    """

    handle: str
    provider: str
    job_id: str
    status: JobStatus
    base_model: str
    migrated_from: str | None = None
    fine_tuned_model: str | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    exported_at: datetime
    exported_by: str
    trained_tokens: int | None = None
    hyperparameters: dict[str, JsonValue] | None = None
    files: tuple[ExportedFile, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def final(self) -> bool:
        """Another export would give nothing more."""
        return self.status.terminal and not any(gap.again for gap in self.gaps)


class ExportedJob(Document):
    """What an export has made.

    Attributes:
        folder: of this job.
        outcome: `exported` now, or `kept` from an earlier export that had everything.
    """

    folder: str
    outcome: Literal["exported", "kept"]
    lineage: Lineage


class Inventory(Document):
    """What lies at a provider: what `inventory.json` of a whole account's export says.

    Attributes:
        profile: whose it is: the profile's name, or the provider's.
        jobs: handles of the jobs that are out.
        files: dataset files that none of these jobs has learned from.
        models: that were tuned, whoever's job made them.
        deployments: with what each costs an hour, where that is known.
        gaps: what could not be listed, and jobs that could not be had.
    """

    profile: str
    provider: str
    taken_at: datetime
    jobs: tuple[str, ...] = ()
    files: tuple[DatasetFile, ...] = ()
    models: tuple[Model, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    gaps: tuple[Gap, ...] = ()
