"""A folder as a `Job`: a function of the files and of whether somebody lives, nothing else.

`exit.json` wins. Without it, the lock tells whether somebody lives:

lock held                   state.json's phase: queued, running, cancelling
lock free, never started    queued: dormant, to be woken
lock free, was started      paused, raw status "lost"
a file cannot be read       unknown while somebody lives, else failed; raw status "unreadable"
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held
from finetune_sdk.providers.local.jobs.records import (
    Choices,
    Created,
    Exit,
    Progress,
    Record,
    State,
)
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Job, JobError, JobSpec, JobStatus

R = TypeVar("R", bound=Record)

DELETED = "model.deleted"
"""Marks a model that was deleted on request, and so is not missing."""


@dataclass(frozen=True)
class Sight:
    """What decides where a job stands, at one moment.

    Attributes:
        alive: a supervisor or a trainer lives.
        cancel: somebody asked for the end.
    """

    exit: Exit | None
    state: State | None
    alive: bool
    cancel: bool

    @property
    def started(self) -> bool:
        """The trainer was started, so there may be something of it."""
        return self.state is not None and self.state.phase != "queued"

    @property
    def abandoned(self) -> bool:
        """It has not ended, and nobody lives who could end it."""
        return self.exit is None and not self.alive

    @property
    def dormant(self) -> bool:
        """It waits for its turn, and nobody lives who waits for it."""
        return self.abandoned and not self.started

    @property
    def status(self) -> JobStatus:
        if self.exit is not None:
            return JobStatus(self.exit.status)
        if self.started and not self.alive:
            return JobStatus.PAUSED
        if self.cancel:
            return JobStatus.CANCELLING
        return JobStatus(self.state.phase) if self.state else JobStatus.QUEUED

    @property
    def raw_status(self) -> str:
        return "lost" if self.status is JobStatus.PAUSED else self.status.value


def look(folder: JobFolder) -> Sight:
    """What the folder says now.

    The order is the point. The state is read before the lock: a job that starts in between still
    reads queued, never lost. The exit is read again after the lock was found free: a supervisor
    writes it before it lets go.
    """
    state = State.of(folder)
    exit_ = Exit.of(folder)
    alive = exit_ is None and is_held(folder.lock)
    if exit_ is None and not alive:
        exit_ = Exit.of(folder)
    return Sight(exit=exit_, state=state, alive=alive, cancel=folder.cancel_requested)


def job_of(folder: JobFolder, sight: Sight) -> Job:
    """The folder as a job.

    Raises:
        ValueError: a file that we wrote cannot be understood.
    """
    spec = folder.spec()
    return _end(folder, sight.exit, _unended(folder, sight, spec))


def unreadable(folder: JobFolder, reason: str) -> Job:
    """The job of a folder that cannot be understood: shown, so that nobody misses it in silence.

    It is unknown while somebody lives there, and failed once nobody does: it cannot go on.
    """
    words = f"the job folder {str(folder.path)!r} cannot be read: {reason}"
    alive = is_held(folder.lock)
    return Job(
        id=folder.id,
        provider=NAME,
        status=JobStatus.UNKNOWN if alive else JobStatus.FAILED,
        raw_status="unreadable",
        model="unknown",
        error=None if alive else JobError(code="unreadable", message=words),
        warnings=(words,),
        extra={"folder": str(folder.path)},
    )


def age(folder: JobFolder) -> tuple[str, str]:
    """What jobs are ordered by: when it was made, and the id between equals."""
    try:
        created = Created.of(folder)
    except (ValueError, OSError):
        created = None
    return (created.created_at.isoformat() if created else "", folder.id)


def is_complete(model: Path) -> bool:
    """The folder holds weights and what they are: a full model or an adapter."""
    told = any((model / name).is_file() for name in ("config.json", "adapter_config.json"))
    return told and any(model.glob("*.safetensors"))


def _unended(folder: JobFolder, sight: Sight, spec: JobSpec) -> Job:
    created = Created.of(folder)
    choices, broken = _lenient(folder, Choices)
    progress, broken_too = _lenient(folder, Progress)
    running = sight.status in (JobStatus.RUNNING, JobStatus.CANCELLING, JobStatus.PAUSED)
    return Job(
        id=folder.id,
        provider=NAME,
        status=sight.status,
        raw_status=sight.raw_status,
        model=spec.model,
        method=spec.method,
        training_file=spec.training_file,
        validation_file=spec.validation_file,
        suffix=spec.suffix,
        seed=spec.seed,
        metadata=spec.metadata,
        created_at=created.created_at if created else None,
        started_at=sight.state.started_at if sight.state else None,
        progress=progress.value() if progress and running else None,
        settings={
            **(created.settings if created else {}),
            **(choices.settings if choices else {}),
        },
        warnings=(
            *(created.notes if created else ()),
            *(choices.warnings if choices else ()),
            *broken,
            *broken_too,
        ),
        extra={"folder": str(folder.path)},
    )


def _lenient(folder: JobFolder, record: type[R]) -> tuple[R | None, tuple[str, ...]]:
    # The trainer may be somebody else's program: what it tells on the side must not hide the job.
    try:
        return record.of(folder), ()
    except ValueError as error:
        reason = str(error).splitlines()[0]
        return None, (f"the trainer's {record.file()}.json cannot be read: {reason}",)


def _end(folder: JobFolder, exit_: Exit | None, job: Job) -> Job:
    if exit_ is None:
        return job
    update: dict[str, object] = {
        "finished_at": exit_.finished_at,
        "error": exit_.error,
        "trained_tokens": exit_.trained_tokens,
    }
    if exit_.status == "succeeded":
        update |= _outcome(folder, job)
    return job.model_copy(update=update)


def _outcome(folder: JobFolder, job: Job) -> dict[str, object]:
    model = str(folder.model)
    if (folder.path / DELETED).exists():
        gone = f"the fine-tuned model {model!r} was deleted"
        return {"fine_tuned_model": model, "warnings": (*job.warnings, gone)}
    if is_complete(folder.model):
        return {"fine_tuned_model": model}
    message = f"the job succeeded, but its model in {model!r} is missing or incomplete now"
    return {
        "status": JobStatus.FAILED,
        "raw_status": "incomplete_model",
        "error": JobError(code="incomplete_model", message=message),
    }
