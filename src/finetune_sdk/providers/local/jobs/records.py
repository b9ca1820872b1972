"""The small JSON files of a job's folder, as types. A field that is new to us is passed over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from finetune_sdk.providers.local.jobs.folder import JobFolder
from finetune_sdk.types import JobError, JobProgress

Phase = Literal["queued", "running", "cancelling", "paused"]


class Record(BaseModel):
    """Base of all: the file's name is the class's own name in small letters."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def file(cls) -> str:
        return cls.__name__.lower()

    @classmethod
    def of(cls, folder: JobFolder) -> Self | None:
        """What the folder says; None where it says nothing yet.

        Raises:
            ValueError: the file cannot be understood.
        """
        value = folder.read(cls.file())
        return None if value is None else cls.model_validate(value)

    def save(self, folder: JobFolder) -> None:
        """Replaces the file, atomically."""
        folder.write(self.file(), self.model_dump(mode="json"))


class Created(Record):
    """When the job was made, and what was known then.

    Attributes:
        notes: what the caller should know.
        settings: what was found out before anything was loaded, by name.
        modules: folder that the modules of reward functions are imported from; None where they
            are installed.
        python: the interpreter that the job was made with, and so runs with.
    """

    created_at: datetime
    notes: tuple[str, ...] = ()
    settings: dict[str, str] = Field(default_factory=dict)
    modules: str | None = None
    python: str | None = None


class State(Record):
    """What the supervisor is at.

    Attributes:
        started_at: when the trainer was started for the first time.
        queued_at: when the job joined the queue anew; None where that was when it was made.
        group: the trainer's process group, once it runs.
        silent_since: the trainer has written nothing since then; None while it is heard.
        error: what stopped a paused job from outside; None where somebody asked for the pause.
    """

    phase: Phase
    since: datetime
    started_at: datetime | None = None
    queued_at: datetime | None = None
    group: int | None = None
    silent_since: datetime | None = None
    error: JobError | None = None

    @classmethod
    def of(cls, folder: JobFolder) -> Self | None:
        """What the folder says. A state that is lost, of a job that ran, reads as running."""
        state = super().of(folder)
        traces = (folder.path / name for name in _TRACES)
        trace = next((path for path in traces if path.exists()), None) if state is None else None
        if trace is None:
            return state
        return cls(phase="running", since=datetime.fromtimestamp(trace.stat().st_mtime, UTC))


_TRACES = ("choices.json", "progress.json", "metrics.jsonl", "checkpoints", "result.json")
"""What only a trainer makes. A log is none: it is made before there is a state."""


class Exit(Record):
    """How the job ended. Once it is there, nothing else counts."""

    status: Literal["succeeded", "failed", "cancelled"]
    finished_at: datetime
    error: JobError | None = None
    trained_tokens: int | None = None


class Choices(Record):
    """What the trainer chose by itself and why, and its warnings."""

    settings: dict[str, str] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Progress(Record):
    """How far the trainer is."""

    step: int
    steps: int
    loss: float | None = None
    seconds_left: float | None = None

    def value(self) -> JobProgress:
        return JobProgress(**self.model_dump())


class Failure(Record):
    """Why the trainer failed, when it knows."""

    code: str
    message: str


class Result(Record):
    """What the trainer counted when it had done all."""

    trained_tokens: int | None = None


def now() -> datetime:
    return datetime.now(UTC)
