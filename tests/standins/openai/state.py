"""All that the service knows. Nothing in it runs: what time has done is found out when asked."""

from __future__ import annotations

import base64
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from finetune_sdk.testing import VirtualClock
from finetune_sdk.transport import Clock
from tests.standins.openai.course import JobCourse, result_csv
from tests.standins.openai.job import ORGANIZATION, StoredJob
from tests.standins.openai.multipart import Blob
from tests.standins.openai.wire import Json

KEY = "sk-standin-0123456789abcdefghij"


class Truth:
    """What `say` takes to let a status tell the truth again."""


TRUTH = Truth()


@dataclass(slots=True)
class StoredFile:
    """A file: where it has an `error`, that is what its processing ends with."""

    id: str
    filename: str
    purpose: str
    blob: Blob
    born: float
    created: int
    delay: float = 0.0
    error: str | None = None
    expires_at: int | None = None

    def status(self, now: float) -> str:
        if now - self.born < self.delay:
            return "uploaded"
        return "processed" if self.error is None else "error"


@dataclass(slots=True)
class StoredUpload:
    """A file that comes in parts."""

    id: str
    filename: str
    purpose: str
    size: int
    born: float
    created: int
    parts: dict[str, Blob] = field(default_factory=dict[str, Blob])
    ended: str | None = None
    expires_after: int | None = None
    file: StoredFile | None = None

    def status(self, now: float) -> str:
        return self.ended or ("expired" if now - self.born >= 3600 else "pending")


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model that answers.

    Attributes:
        tunable: jobs may start from it.
        job_id: what made it; None for a model of the vendor's.
    """

    id: str
    shutdown_date: str | None = None
    tunable: bool = True
    created: int = 1_744_300_000
    owned_by: str = "system"
    job_id: str | None = None


BASES = (
    StoredModel("gpt-4.1-2025-04-14", "2027-01-14"),
    StoredModel("gpt-4.1-mini-2025-04-14", "2027-01-14"),
    StoredModel("gpt-4o-2024-08-06", "2027-01-14"),
    StoredModel("gpt-4o-mini-2024-07-18", "2027-01-14"),
    StoredModel("o4-mini-2025-04-16", "2026-10-23"),
    StoredModel("gpt-5-2025-08-07"),
    StoredModel("gpt-6-luna", tunable=False),
)
ALIASES = {
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "o4-mini": "o4-mini-2025-04-16",
    "gpt-5": "gpt-5-2025-08-07",
}


class State:
    """The tables, and the settings of what is made from now on.

    Attributes:
        key: the API key.
        keep_bytes: files keep their bytes; without, only their size, lines and digest.
        strict_files: a job is refused while its files are not processed.
        file_delay: seconds that files take to be processed.
        file_error: what the processing of files ends with; None where they are good.
        course: how jobs go for which no course was added.
        says: what a model answers to messages; by default its name and what it was told last.
        jobs: by id.
        uploads: by id.
    """

    new_file: ClassVar[type[StoredFile]] = StoredFile

    def __init__(
        self,
        clock: Clock | None = None,
        key: str = KEY,
        *,
        keep_bytes: bool = True,
        strict_files: bool = False,
        file_delay: float = 0.0,
    ) -> None:
        self.clock: Clock = clock or VirtualClock()
        self.key = key
        self.keep_bytes = keep_bytes
        self.strict_files = strict_files
        self.file_delay = file_delay
        self.file_error: str | None = None
        self.course = JobCourse()
        self.says: Callable[[str, list[object]], str] | None = None
        self.jobs: dict[str, StoredJob] = {}
        self.uploads: dict[str, StoredUpload] = {}
        self.lock = threading.RLock()
        self._files: dict[str, StoredFile] = {}
        self._models = {base.id: base for base in BASES}
        self._living: dict[str, StoredJob] = {}
        self._courses: deque[JobCourse] = deque()
        self._words: dict[str, object] = {}
        self._counts: dict[str, int] = {}

    @property
    def files(self) -> dict[str, StoredFile]:
        """By id, with the results of the jobs that have ended."""
        self._settle()
        return self._files

    @property
    def models(self) -> dict[str, StoredModel]:
        """By id: the vendor's, and those that jobs have made."""
        self._settle()
        return self._models

    def add_course(self, *courses: JobCourse) -> None:
        """The next jobs go by these, in order."""
        self._courses.extend(courses)

    def next_course(self) -> JobCourse:
        return self._courses.popleft() if self._courses else self.course

    def say(self, thing_id: str, word: object) -> None:
        """A job's or a file's status reads this from now on, until it is told the `TRUTH`."""
        if word is TRUTH:
            self._words.pop(thing_id, None)
        else:
            self._words[thing_id] = word

    def word(self, thing_id: str, true: str) -> object:
        """What the wire says a status is."""
        return self._words.get(thing_id, true)

    def truth(self, job_id: str) -> str:
        """The status that a job really has."""
        return self.jobs[job_id].status(self.now())

    def now(self) -> float:
        return self.clock.monotonic()

    def wall(self) -> int:
        return int(self.clock.now().timestamp())

    def count(self, kind: str) -> int:
        """The next number of a kind of thing."""
        self._counts[kind] = self._counts.get(kind, 0) + 1
        return self._counts[kind]

    def file_id(self) -> str:
        return f"file-{self.count('file'):022d}"

    def add_file(self, filename: str, purpose: str, blob: Blob) -> StoredFile:
        """A file of the user's, which is processed from now on."""
        file = self.new_file(self.file_id(), filename, purpose, blob, self.now(), self.wall())
        file.delay, file.error = self.file_delay, self.file_error
        self._files[file.id] = file
        return file

    def add_job(self, job: StoredJob) -> None:
        self.jobs[job.id] = job
        self._living[job.id] = job

    def view(self, job: StoredJob) -> Json:
        """A job as the wire shows it now."""
        seen = job.view(self.now())
        seen["status"] = self.word(job.id, seen["status"])
        return seen

    def result(self, job: StoredJob) -> tuple[str, bytes]:
        """The name of a job's result file, and what it says."""
        return "step_metrics.csv", result_csv(job.course.steps, validated=job.validated)

    def _settle(self) -> None:
        """Makes what jobs have made since."""
        with self.lock:
            now = self.now()
            for job in [job for job in self._living.values() if job.ended(now)]:
                self._finish(job, now)

    def _finish(self, job: StoredJob, now: float) -> None:
        done = job.status(now) == "succeeded"
        if done and not job.result_made:
            self._make_result(job, now)
        if done and job.served(now):
            self._make_models(job, now)
        if not done or job.served(now):
            del self._living[job.id]

    def _make_result(self, job: StoredJob, now: float) -> None:
        job.result_made = True
        if job.result_id is None:
            return
        name, told = self.result(job)
        blob = Blob(base64.b64encode(told) if job.course.result == "base64" else told)
        born, created = job.born, job.finished_at(now) or 0
        purpose = "fine-tune-results"
        self._files[job.result_id] = StoredFile(job.result_id, name, purpose, blob, born, created)

    def _make_models(self, job: StoredJob, now: float) -> None:
        kept = [job.checkpoint_name(step) for step in job.course.checkpoints()]
        created = job.finished_at(now) or 0
        for name in (job.model, *kept):
            self._models[name] = StoredModel(
                name, created=created, owned_by=ORGANIZATION, job_id=job.id
            )
