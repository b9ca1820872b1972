"""A job is a folder. Who writes what:

spec.json       the creator, before the folder has its name: what was asked for
created.json    the creator, with it: when, and what the caller should know
team.json       the creator, with spec.json: how many processes train it; without it, one
job.lock        held by the supervisor and inherited by the trainer: somebody lives
supervisor.lock held by the supervisor alone: free while job.lock is held, it was killed
state.json      the supervisor: the phase, and since when; whoever resumes, under job.lock: queued
choices.json    the trainer: the settings that it chose and why, and warnings
progress.json   the trainer: step, steps, loss, seconds left
events.jsonl    both, a line an event
metrics.jsonl   the trainer, a line a number
trainer.log     what the trainer printed
failure.json    the trainer, when it knows why it failed; removed by whoever resumes
result.json     the trainer, when it has done all: trained tokens
cancel          anybody: please end
pause           anybody: please save and stop; removed once the job is paused, or by the trainer
                where there is no room to save
resume          anybody, while the job is still pausing: please go on after that
checkpoints/    the trainer, on the way
model/          the trainer: the adapter or the full weights
merged/         whoever needs it first: the adapter added to its base model
.reserve        the supervisor: room, so that the end can be told on a full disk; a paused job keeps
                it, unless it was needed
cluster.json    the creator, with spec.json: the cluster that it trains on; without it, here
cluster.lock    held as a slot's lock is, by a job that trains on a cluster
submitted.json  the relay: what the cluster was asked to run, and whether that may live
waiting.json    the relay, while it lasts: what the job waits for on the cluster
exit.json       the supervisor, last: how it ended; whoever looks, under job.lock, where none lives
model.deleted   the provider: the model was deleted on request
"""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from finetune_sdk.providers.local import files, uploads
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import checkpoints
from finetune_sdk.types import DatasetFile, JobEvent, JobSpec, Metric

_COUNTER = itertools.count()


@dataclass(frozen=True)
class JobFolder:
    """The files of one job.

    Attributes:
        path: the folder; its name is the job's id.
    """

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def home(self) -> LocalHome:
        return LocalHome(self.path.parent.parent)

    @property
    def model(self) -> Path:
        return self.path / "model"

    @property
    def reserve(self) -> Path:
        """Room that is set aside, so that the end can be told on a disk that is full."""
        return self.path / ".reserve"

    def drop_halves(self) -> None:
        """Removes what the trainer did not finish: of no use, and maybe what has filled the disk.

        For those who know that no trainer lives.
        """
        shutil.rmtree(self.path / "model.partial", ignore_errors=True)
        for half in checkpoints.halves(self.checkpoints):
            shutil.rmtree(half, ignore_errors=True)

    def tidy(self) -> None:
        """Removes what only a job that goes on has need of."""
        self.drop_halves()
        for path in (self.reserve, self.pause, self.resume):
            path.unlink(missing_ok=True)

    @property
    def merged(self) -> Path:
        return self.path / "merged"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        return self.path / "trainer.log"

    @property
    def lock(self) -> Path:
        return self.path / "job.lock"

    @property
    def supervisor_lock(self) -> Path:
        return self.path / "supervisor.lock"

    @property
    def ended(self) -> bool:
        return (self.path / "exit.json").exists()

    def spec(self) -> JobSpec:
        return JobSpec.from_json((self.path / "spec.json").read_bytes())

    def rows(self, file: DatasetFile) -> Path:
        """Where the rows of a dataset file lie.

        Raises:
            NotFoundError: there is no such file here.
        """
        return uploads.path_of(file, self.home)

    def read(self, name: str) -> dict[str, object] | None:
        """One of the JSON files, by its name without `.json`; None where it is not there yet."""
        return files.read_json(self.path / f"{name}.json")

    def write(self, name: str, value: Mapping[str, object]) -> None:
        """Replaces one of the JSON files, atomically."""
        files.write_json(self.path / f"{name}.json", value)

    def tell(
        self,
        message: str,
        *,
        type: str = "message",  # noqa: A002 - the field's own name
        level: Literal["info", "warning", "error"] = "info",
        data: dict[str, JsonValue] | None = None,
    ) -> None:
        """Adds an event."""
        # Ids grow with time and are unique between processes.
        name = f"ev-{time.time_ns():020d}-{os.getpid()}-{next(_COUNTER)}"
        event = JobEvent(
            id=name,
            created_at=datetime.now(UTC),
            message=message,
            type=type,
            level=level,
            data=data or {},
        )
        files.append_line(self.path / "events.jsonl", event.to_json())

    def measure(self, metric: Metric) -> None:
        """Adds a metric."""
        files.append_line(self.path / "metrics.jsonl", metric.to_json())

    @property
    def cancel(self) -> Path:
        return self.path / "cancel"

    @property
    def cancel_requested(self) -> bool:
        return self.cancel.exists()

    def request_cancel(self) -> None:
        # Asking again does not make the time longer that the trainer has.
        if not self.cancel_requested:
            self.cancel.touch(mode=0o600)

    @property
    def pause(self) -> Path:
        return self.path / "pause"

    @property
    def resume(self) -> Path:
        return self.path / "resume"

    def request_pause(self) -> None:
        # The newest wish counts.
        self.resume.unlink(missing_ok=True)
        self.pause.touch(mode=0o600)

    def request_resume(self) -> None:
        self.resume.touch(mode=0o600)


def is_held(lock: Path) -> bool:
    """Somebody holds the lock of this file, and so lives."""
    try:
        handle = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that two who look do not see each other.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        release(handle)
    return False


def release(handle: int) -> None:
    """Lets go of a lock for all who inherited the descriptor, and closes it.

    Closing alone is not enough when another thread forked meanwhile.
    """
    fcntl.flock(handle, fcntl.LOCK_UN)
    os.close(handle)


def take(lock: Path, *, patience: float = 0.0) -> int | None:
    """The descriptor that holds the lock, or None while another holds it.

    Closing every copy of the descriptor lets go; so does the death of all who inherited it.
    """
    handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                os.close(handle)
                return None
            time.sleep(0.02)
        else:
            return handle
