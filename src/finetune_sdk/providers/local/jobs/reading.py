"""A folder as a `Job`: a function of the files and of whether somebody lives, nothing else.

`exit.json` wins. Without it, the lock tells whether somebody lives:

lock held, asked to end     cancelling
lock held, asked to pause   pausing, until the lock is free
lock held, waiting.json     queued: a cluster has no room yet
lock held                   state.json's phase: queued, running
lock free, queued           queued: dormant, to be woken; paused where that was asked for
lock free, paused           paused; raw status "paused", or the code of what stopped it
lock free, was running      paused; raw status "paused" where that was asked for, else "lost"
a file cannot be read       unknown; failed where it is garbled and nobody lives; raw status
                            "unreadable"
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from finetune_sdk.providers.local.cluster.record import Waiting
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held
from finetune_sdk.providers.local.jobs.records import (
    Choices,
    Created,
    Exit,
    Phase,
    Progress,
    Record,
    State,
)
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.types import Job, JobError, JobSpec, JobStatus
from finetune_sdk.types._base import SCHEMA_VERSION

R = TypeVar("R", bound=Record)

# It changes a few times in hours; more looks than this are of no use.
_LOOKS = 5

DELETED = "model.deleted"
"""Marks a model that was deleted on request, and so is not missing."""


@dataclass(frozen=True)
class Sight:
    """What decides where a job stands, at one moment.

    Attributes:
        alive: a supervisor or a trainer lives.
        cancel: somebody asked for the end.
        pause: somebody asked it to pause.
        waiting: what it waits for on a cluster.
    """

    exit: Exit | None
    state: State | None
    alive: bool
    cancel: bool
    pause: bool
    waiting: str | None = None

    @property
    def phase(self) -> Phase:
        """What the supervisor is, or was, at."""
        return self.state.phase if self.state else "queued"

    @property
    def waits(self) -> bool:
        """It is in the queue, with somebody who waits for its turn."""
        wanted = not (self.cancel or self.pause)
        return self.exit is None and self.alive and self.phase == "queued" and wanted

    @property
    def dormant(self) -> bool:
        """It waits for its turn, and nobody lives who waits for it."""
        abandoned = self.exit is None and not self.alive
        return abandoned and self.phase == "queued" and not self.pause

    @property
    def status(self) -> JobStatus:
        if self.exit is not None:
            return JobStatus(self.exit.status)
        if not self.alive and (self.phase != "queued" or self.pause):
            return JobStatus.PAUSED
        if self.cancel:
            return JobStatus.CANCELLING
        # Who has written that it is paused still has to let go.
        if self.pause or self.phase == "paused":
            return JobStatus.PAUSING
        return JobStatus.QUEUED if self.waiting else JobStatus(self.phase)

    @property
    def raw_status(self) -> str:
        if self.status is not JobStatus.PAUSED:
            return self.status.value
        if self.stopped_by is not None:
            return self.stopped_by.code or "paused"
        return "paused" if self.phase == "paused" or self.pause else "lost"

    @property
    def stopped_by(self) -> JobError | None:
        """What stopped a paused job, where nobody asked for it."""
        return self.state.error if self.state and self.phase == "paused" else None


def look(folder: JobFolder) -> Sight:
    """What the folder says now.

    The order is the point. Who holds the lock writes before it lets go: the exit is read again
    after the lock was found free. And a state that changed while nobody was seen to hold the lock
    is looked at anew, so that a job that starts, pauses or resumes meanwhile never reads lost.
    """
    sight = _glance(folder)
    for _ in range(_LOOKS):
        again = _glance(folder) if _may_deceive(sight) else sight
        if again == sight:
            break
        sight = again
    return sight


def _glance(folder: JobFolder) -> Sight:
    cancel, pause = folder.cancel_requested, folder.pause.exists()
    state = State.of(folder)
    exit_ = Exit.of(folder)
    alive = exit_ is None and is_held(folder.lock)
    if exit_ is None and not alive:
        exit_ = Exit.of(folder)
    waiting = Waiting.of(folder) if alive else None
    reason = waiting.reason if waiting else None
    return Sight(exit_, state, alive, cancel=cancel, pause=pause, waiting=reason)


def _may_deceive(sight: Sight) -> bool:
    return sight.exit is None and not sight.alive


def job_of(folder: JobFolder, sight: Sight, position: int | None = None) -> Job:
    """The folder as a job.

    Args:
        position: its place in the queue, from 1, where it waits.

    Raises:
        ValueError: a file that we wrote cannot be understood.
    """
    spec = folder.spec()
    return _end(folder, sight.exit, _unended(folder, sight, spec, position))


def unreadable(folder: JobFolder, error: ValueError | OSError) -> Job:
    """The job of a folder that cannot be understood: shown, so that nobody misses it in silence.

    It is failed where it can never go on: a file is garbled or missing, and nobody lives there.
    What only we cannot read, or not now, says nothing of the job: it is unknown.
    """
    reason = str(error).splitlines()[0]
    words = f"the job folder {str(folder.path)!r} cannot be read: {reason}"
    ended = _is_lasting(folder, error)
    return Job(
        id=folder.id,
        provider=NAME,
        status=JobStatus.FAILED if ended else JobStatus.UNKNOWN,
        raw_status="unreadable",
        model="unknown",
        error=JobError(code="unreadable", message=words) if ended else None,
        warnings=(words,),
        raw={"folder": str(folder.path)},
    )


def _is_lasting(folder: JobFolder, error: ValueError | OSError) -> bool:
    if not isinstance(error, (ValueError, FileNotFoundError, IsADirectoryError)):
        return False
    try:
        return not (_is_newer(folder) or is_held(folder.lock))
    except OSError:
        return False


def _is_newer(folder: JobFolder) -> bool:
    # What a newer version of this package has made, that one can read.
    try:
        version = (folder.read("spec") or {}).get("schema_version")
    except ValueError:
        return False
    return isinstance(version, int) and version > SCHEMA_VERSION


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


def _unended(folder: JobFolder, sight: Sight, spec: JobSpec, position: int | None) -> Job:
    created = Created.of(folder)
    choices, broken = _lenient(folder, Choices)
    progress, broken_too = _lenient(folder, Progress)
    started_at = sight.state.started_at if sight.state else None
    begun = started_at is not None and sight.exit is None and not sight.waiting
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
        started_at=started_at if progress or not sight.waiting else None,
        progress=progress.value() if progress and begun else None,
        queue_position=position if sight.status is JobStatus.QUEUED else None,
        error=sight.stopped_by,
        settings={
            **(created.settings if created else {}),
            **(choices.settings if choices else {}),
        },
        warnings=(
            *(created.notes if created else ()),
            *(choices.warnings if choices else ()),
            *broken,
            *broken_too,
            *((sight.waiting,) if sight.waiting else ()),
            *_silence(folder, sight),
        ),
        raw={"folder": str(folder.path)},
    )


def _silence(folder: JobFolder, sight: Sight) -> tuple[str, ...]:
    since = sight.state.silent_since if sight.state else None
    # Without its supervisor nobody would say that the trainer is heard again.
    if since is None or not sight.alive or not is_held(folder.supervisor_lock):
        return ()
    return (
        f"the trainer has written nothing since {since:%Y-%m-%d %H:%M:%S} UTC; it is left alone: "
        "`jobs.logs` shows its last words, `jobs.cancel` ends it",
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
