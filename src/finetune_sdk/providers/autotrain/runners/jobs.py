"""Jobs on HF Jobs: a container that runs our program, and ends with success only when it has."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar, cast

from finetune_sdk.errors import (
    ConflictError,
    IdempotencyConflictError,
    NotFoundError,
    ProviderError,
)
from finetune_sdk.providers.autotrain import inside, log
from finetune_sdk.providers.autotrain.choosing.rows import Rows
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.providers.autotrain.record import CALL, KEY, LABEL, Record, encode, labels, mark
from finetune_sdk.providers.autotrain.runners import courses
from finetune_sdk.providers.autotrain.runners.base import Runner
from finetune_sdk.providers.autotrain.runners.jobinfo import labels as labels_of
from finetune_sdk.providers.autotrain.runners.jobinfo import sound
from finetune_sdk.providers.autotrain.runners.truth import Proof, failure, proof
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import redact
from finetune_sdk.types import Job, JobError, JobSpec, JobStatus

T = TypeVar("T")

_TOKEN = "HF_TOKEN"  # noqa: S105 - the name of the variable
_TAIL = 500

_SECONDS = 30.0
_LAG = 120.0
"""Seconds after its end in which a model may not be shown yet that was pushed."""
_NO_MODEL = "no_model"
_CANCELLING = {"status": JobStatus.CANCELLING}
_OVER = (
    "it was ended after {:.1f} hours, when its timeout was up; what it saved on the way may be "
    "there (`jobs.checkpoints`). Say a longer `timeout`, or a faster `hardware`"
)

NOT_PUSHED = "push_failed"
"""The code of a job that has trained and whose model is not in its place."""

STATUSES: Mapping[str, JobStatus] = {
    "SCHEDULING": JobStatus.QUEUED,
    "RUNNING": JobStatus.RUNNING,
    # It is held against what lies on the Hub.
    "COMPLETED": JobStatus.SUCCEEDED,
    "CANCELED": JobStatus.CANCELLED,
    "DELETED": JobStatus.CANCELLED,
    "ERROR": JobStatus.FAILED,
}


class JobsRunner(Runner):
    """Runs orders on HF Jobs."""

    def __init__(self, hub: Hub, rows: Callable[[Order], Mapping[str, Rows]]) -> None:
        """Sends nothing yet.

        Args:
            hub: where.
            rows: knows where the rows of an order lie.
        """
        self._hub, self._rows = hub, rows
        self._ended: dict[str, Job] = {}

    def start(self, order: Order) -> Job:
        words = self._words(order)
        what = f"a job on {order.machine.name!r}"
        made: Any = self._hub.ask("create", lambda api: sound(api.run_job(**words)), what=what)
        job = self._job(made)
        return job.model_copy(update={"warnings": order.warnings})

    def get(self, job_id: str) -> Job:
        return self._job(self._look(job_id))

    def find(self, key: str, *, spec: JobSpec | None, since: datetime | None) -> list[Job]:  # noqa: ARG002 - a label needs no time
        # Filtered here, too: an older Hub passes over a filter that it does not know.
        wanted = mark(key)
        same = [one for one in self._all({KEY: wanted}) if labels_of(one).get(KEY) == wanted]
        if spec is not None and spec.call:
            ours = [one for one in same if labels_of(one).get(CALL) == mark(spec.call)]
            if same and not ours:
                raise IdempotencyConflictError(
                    f"the key {key!r:.80} made the job {same[0].id} of another call; use a new "
                    "key for a new job. Nothing was sent"
                )
            same = ours
        return [self._job(one) for one in reversed(same)]

    def cancel(self, job_id: str) -> Job:
        job = self.get(job_id)
        if job.status.terminal:
            return job
        namespace = self._hub.namespace
        # It may have ended meanwhile, and then it is told as it stands.
        with suppress(ConflictError):
            self._hub.ask(
                "delete",
                lambda api: api.cancel_job(job_id=job_id, namespace=namespace),
                what=f"the job {job_id!r}",
            )
        job = self.get(job_id)
        # It may take the Hub a moment; what it says is kept beside it.
        return job if job.status.terminal else job.model_copy(update=_CANCELLING)

    def log(self, job_id: str) -> Sequence[str]:
        self._look(job_id)
        return self._lines(job_id)

    def record(self, job_id: str) -> Record:
        """What was written down of the job when it was sent."""
        return self._record(self._look(job_id))

    # Help

    def _record(self, found: Any) -> Record:
        environ: dict[str, str] = found.environment or {}
        return Record(environ.get(inside.RECORD_ENV))

    def _words(self, order: Order) -> dict[str, Any]:
        rows = self._rows(order)
        course = courses.course_of(order, rows)
        secret = self._hub.credential.get(NAME)
        return {
            "image": order.image,
            "command": courses.command(order),
            "env": {
                inside.SCRIPT_ENV: inside.program(),
                inside.COURSE_ENV: json.dumps(course, ensure_ascii=False),
                inside.RECORD_ENV: encode(order),
            },
            "secrets": {_TOKEN: secret},
            "flavor": order.machine.name,
            "timeout": int(order.seconds),
            "labels": {**labels(order.spec), "name": order.project},
            "namespace": order.namespace,
        }

    def _all(self, wanted: dict[str, str]) -> list[Any]:
        namespace = self._hub.namespace
        found: list[Any] = self._hub.ask(
            "read",
            lambda api: [*filter(_is_ours, api.list_jobs(namespace=namespace, labels=wanted))],
            what=f"the jobs of {namespace!r}",
        )
        return sorted(found, key=_born, reverse=True)

    def _look(self, job_id: str) -> Any:
        if not job_id.isascii() or not job_id.replace("-", "").isalnum():
            raise NotFoundError(
                f"{NAME}: {job_id!r:.80} is no id of a job on HF Jobs", provider=NAME
            )
        namespace = self._hub.namespace
        return self._hub.ask(
            "read",
            lambda api: sound(api.inspect_job(job_id=job_id, namespace=namespace)),
            what=f"the job {job_id!r} of {namespace!r}",
        )

    def _lines(self, job_id: str, tail: int | None = None) -> list[str]:
        namespace = self._hub.namespace
        found = self._hub.ask(
            "read",
            lambda api: [
                *map(str, api.fetch_job_logs(job_id=job_id, namespace=namespace, tail=tail))
            ],
            what=f"the log of the job {job_id!r}",
        )
        # Half a pair of surrogates goes into no JSON of ours.
        whole = (line.encode("utf-8", "replace").decode("utf-8") for line in found)
        return [self._hide(line.rstrip("\r\n")) for line in whole]

    def _hide(self, told: T) -> T:
        """What the Hub tells, without the token, should it or a trainer repeat it."""
        if not isinstance(told, str):
            return told
        return cast("T", redact(told, self._hub.credential.get(NAME)))

    def _job(self, found: Any) -> Job:
        if found.id in self._ended:
            return self._ended[found.id]
        job = self._told(found)
        if job.status.terminal and not (job.error and job.error.code in (NOT_PUSHED, _NO_MODEL)):
            # What has ended stays so, and needs no further look at its repository.
            self._ended[found.id] = job
        return job

    def _told(self, found: Any) -> Job:
        stage = self._hide(str(getattr(found.status.stage, "value", found.status.stage)))
        record = self._record(found)
        job = record.job(
            found.id,
            status=STATUSES.get(stage, JobStatus.UNKNOWN),
            raw_status=stage,
            created_at=found.created_at,
            started_at=found.started_at,
            finished_at=found.finished_at,
        ).model_copy(update={"raw": {k: self._hide(v) for k, v in _raw(found).items()}})
        job = job.model_copy(update=_pinned(job, found))
        if job.status is JobStatus.SUCCEEDED:
            return self._held(job, found, record)
        if job.status is not JobStatus.FAILED:
            return job
        error = self._why(job.id, found, self._hide(found.status.message))
        return self._rescued(job.model_copy(update={"error": error}), found, record)

    def _proof(self, job: Job, found: Any, record: Record) -> Proof | None:
        """The model of this job, and of no other one that had the same project."""
        if record.repo is None:
            return None
        key = labels_of(found).get(KEY)
        return proof(self._hub, record.repo, since=job.created_at, key=key)

    def _held(self, job: Job, found: Any, record: Record) -> Job:
        """A job that says it succeeded, held against what lies on the Hub."""
        there = self._proof(job, found, record)
        if there is not None:
            return job.model_copy(update={"fine_tuned_model": there.repo})
        if record.repo and self._is_fresh(job):
            # What was pushed a moment ago may not be shown yet.
            return job.model_copy(update={"status": JobStatus.RUNNING})
        why = self._why(job.id, found, None)
        words = f"it ended with success, and no model of it is in {record.repo!r}: {why.message}"
        error = JobError(code=_NO_MODEL, message=words)
        return job.model_copy(update={"status": JobStatus.FAILED, "error": error})

    def _is_fresh(self, job: Job) -> bool:
        if job.finished_at is None:
            return False
        return (self._hub.clock.now() - job.finished_at).total_seconds() < _LAG

    def _rescued(self, job: Job, found: Any, record: Record) -> Job:
        """A job whose model was not pushed, unless somebody has put it in its place since."""
        if job.error is None or job.error.code != NOT_PUSHED:
            return job
        there = self._proof(job, found, record)
        if there is None:
            return job
        done = {"status": JobStatus.SUCCEEDED, "error": None, "fine_tuned_model": there.repo}
        return job.model_copy(update=done)

    def _why(self, job_id: str, found: Any, message: str | None) -> JobError:
        try:
            lines = self._lines(job_id, _TAIL)
        except ProviderError as error:
            if error.retryable:
                raise
            lines = []
        own = log.failed(lines)
        if own is not None:
            return JobError(code=own[0], message=own[1])
        limit = self._record(found).timeout
        if limit is not None and _is_over(found, limit):
            return JobError(code="timed_out", message=_OVER.format(limit / 3600))
        return failure(lines, message=message)

    # Last: within the class the word means this from here on.
    def list(self) -> Iterator[Job]:
        return map(self._job, self._all({LABEL: "1"}))


def _is_ours(found: Any) -> bool:
    return LABEL in labels_of(found) and sound(found) is found


def _is_over(found: Any, timeout: float) -> bool:
    """Whether the job was ended because its time was up; the Hub's words for it are not known."""
    ran = getattr(found.durations, "running_secs", None)
    return ran is not None and ran >= timeout - _SECONDS


def _born(found: Any) -> tuple[float, str]:
    return (found.created_at.timestamp() if found.created_at else 0.0, str(found.id))


def _pinned(job: Job, found: Any) -> dict[str, Any]:
    environ: dict[str, str] = found.environment or {}
    course = environ.get(inside.COURSE_ENV)
    return {
        "training_file": courses.pinned(job.training_file, course, "train"),
        "validation_file": courses.pinned(job.validation_file, course, "validation"),
    }


def _raw(found: Any) -> dict[str, Any]:
    told = {"url": found.url, "message": found.status.message, "flavor": str(found.flavor or "")}
    seconds = getattr(found.durations, "running_secs", None)
    return {name: one for name, one in {**told, "running_seconds": seconds}.items() if one}
