"""A job: one fine-tune of one base model on one dataset at one provider."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, JsonValue, computed_field

from finetune_sdk.types._base import Document, Value
from finetune_sdk.types.dataset import DatasetFile
from finetune_sdk.types.method import Method


class JobStatus(StrEnum):
    """Where a job stands. A word that nobody knows is UNKNOWN, which is not an end."""

    PENDING = "pending"
    VALIDATING = "validating"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def terminal(self) -> bool:
        """The job has ended and will not go on by itself or on request."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class JobError(Value):
    """Why a job failed: a stable code where there is one, and words."""

    code: str | None = None
    message: str
    param: str | None = None


class JobProgress(Value):
    """How far a running job is.

    Attributes:
        step: optimizer steps done.
        steps: optimizer steps in all.
        loss: the newest training loss that the job measured.
        seconds_left: the provider's or the trainer's own estimate.
    """

    step: int
    steps: int
    loss: float | None = None
    seconds_left: float | None = None


class JobSpec(Document):
    """What a provider is told: everything resolved, nothing to look up.

    Attributes:
        key: the idempotency key; the same key makes the same job, once.
        suffix: 1 to 64 characters of one line; the length is OpenAI's own limit.
        seed: 0 to 2**31 - 1, OpenAI's own limit.
        call: digest of the whole call, its rows included, by which a call is told from another
            one with the same key; empty where nobody has made it.
        model: the provider's own name of the base model.
        options: the fields of this provider's own options class.
    """

    key: Annotated[str, Field(min_length=1, max_length=256)]
    call: str = ""
    model: str
    method: Method
    training_file: DatasetFile
    validation_file: DatasetFile | None = None
    suffix: (
        Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] | None
    ) = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    options: dict[str, JsonValue] = Field(default_factory=dict)


class Job(Document):
    """A job as a provider told it, at one moment. A value: it holds no client.

    Attributes:
        profile: the profile it was made or read with; None when a provider was named instead.
        raw_status: the provider's own word for `status`.
        model: the base model.
        fine_tuned_model: what came out; there only once the job succeeded.
        queue_position: place in the queue, from 1; None where it does not wait or the provider
            does not tell.
        settings: what the provider chose by itself and why, by name.
        warnings: what the caller should know, and what `strict=False` let pass.
        raw: what the provider said and we have no field for, in its own words.
    """

    id: str
    provider: str
    profile: str | None = None
    status: JobStatus
    raw_status: str | None = None
    model: str
    method: Method | None = None
    fine_tuned_model: str | None = None
    training_file: DatasetFile | None = None
    validation_file: DatasetFile | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    suffix: str | None = None
    seed: int | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    trained_tokens: int | None = None
    progress: JobProgress | None = None
    queue_position: int | None = None
    error: JobError | None = None
    settings: dict[str, str] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    raw: dict[str, JsonValue] = Field(default_factory=dict)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def handle(self) -> str:
        """The string that finds this job again from any process: `profile:id`."""
        return f"{self.profile or self.provider}:{self.id}"


class JobEvent(Document):
    """Something that a job said."""

    id: str
    created_at: datetime
    level: Literal["info", "warning", "error"] = "info"
    message: str
    type: str = "message"
    data: dict[str, JsonValue] = Field(default_factory=dict)


class Metric(Document):
    """One number that a job measured.

    Attributes:
        step: optimizer step it belongs to, from 1.
        name: the field's name for it: `loss`, `learning_rate`, `grad_norm`, `token_accuracy`.
        split: the rows it was measured on.
        unit: what `value` counts; None is a plain number. A loss is in nats per trained token.
    """

    step: Annotated[int, Field(ge=0)]
    name: str
    value: float
    split: Literal["train", "validation"] = "train"
    unit: str | None = None
    epoch: float | None = None
    created_at: datetime | None = None
