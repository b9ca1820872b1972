"""Jobs on a Space, as AutoTrain itself starts them: a container that trains and pauses its Space.

A paused Space says nothing of how it went, and a Space costs money for as long as it is not
paused. So the hardware is asked for last and alone; a job has succeeded only where its model lies;
and whoever cancels reads back that nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from finetune_sdk.errors import (
    ConflictError,
    FineTuneError,
    IdempotencyConflictError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
)
from finetune_sdk.providers.autotrain.hub import Hub
from finetune_sdk.providers.autotrain.order import Order
from finetune_sdk.providers.autotrain.record import Record, mark
from finetune_sdk.providers.autotrain.runners import contents, stages
from finetune_sdk.providers.autotrain.runners.base import Runner
from finetune_sdk.providers.autotrain.runners.notes import CANCELLED, Note, Notes
from finetune_sdk.providers.autotrain.runners.stages import FREE, Seen, Standing
from finetune_sdk.providers.autotrain.runners.truth import failure, proof
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.transport import redact
from finetune_sdk.types import Job, JobError, JobSpec, JobStatus

_ID = re.compile(rf"{contents.PREFIX}[A-Za-z0-9._-]{{1,90}}")
_MARKED = 10
"""Digits of a key's mark at the end of the name that `project_name` makes."""
_SLEEP = 600
"""Seconds after a job's timeout until the Hub itself puts the Space to sleep."""
_LOOKS = (2.0, 5.0, 10.0)
"""Seconds between two looks whether a Space has stopped."""


class SpaceRunner(Runner):
    """Runs orders on Spaces of their own."""

    def __init__(self, hub: Hub) -> None:
        """Sends nothing yet."""
        self._hub = hub
        self._notes = Notes(hub)
        self._ended: dict[str, Job] = {}

    def start(self, order: Order) -> Job:
        seen = self.prepare(order)
        if not seen.begun:
            self._spend(seen)
        job = self._job(seen) if seen.begun else self._plain(seen, JobStatus.QUEUED)
        return job.model_copy(update={"warnings": (*order.warnings, *job.warnings)})

    def prepare(self, order: Order) -> Seen:
        """The Space of an order, with all that it needs but the hardware. Nothing is paid for.

        What an earlier call of the same key has left is completed.

        Raises:
            ConflictError: there is a Space of that name that is none of this order.
        """
        with unpaid():
            space = contents.space_of(order)
            seen = self._find(space) or self._made(order)
            self._check_ours(seen, order)
            if not seen.begun and contents.PROGRAM not in seen.files:
                self._fill(order)
                return self._look(space)
            return seen

    def get(self, job_id: str) -> Job:
        space = self._space(job_id)
        return self._ended.get(space) or self._job(self._look(space))

    def find(self, key: str, *, spec: JobSpec | None, since: datetime | None) -> list[Job]:  # noqa: ARG002 - a name needs no time
        # Without its hardware it is no job: whoever adopted it would wait for ever.
        ours = [seen for seen in self._of_key(key, spec) if seen.begun]
        for seen in ours:
            if spec is not None and not _same_call(seen.record, spec):
                raise IdempotencyConflictError(
                    f"the key {key!r:.80} made the job {seen.name} of another call; use a new key "
                    "for a new job. Nothing was sent"
                )
        return [self._job(seen) for seen in sorted(ours, key=lambda seen: seen.created)]

    def cancel(self, job_id: str) -> Job:
        seen = self._look(self._space(job_id))
        if not self._job(seen).status.terminal:
            self._say_cancelled(seen.id)
        self._release(seen)
        return self.get(job_id)

    def log(self, job_id: str) -> Sequence[str]:
        return self._lines(self._look(self._space(job_id)))

    # Making it

    def _made(self, order: Order) -> Seen:
        space = contents.space_of(order)
        secrets = contents.secrets_of(order, self._hub.credential.get(NAME))
        variables = contents.variables_of(order)
        # All at once: a Space is never there without its record.
        self._hub.ask(
            "put",
            lambda api: api.create_repo(
                space,
                repo_type="space",
                private=True,
                exist_ok=True,
                space_sdk="docker",
                space_secrets=_pairs(secrets),
                space_variables=_pairs(variables),
            ),
            what=f"the Space {space!r}",
        )
        return self._look(space)

    def _spend(self, seen: Seen) -> None:
        """The step that costs money: the Space is built anew for the hardware, and trains.

        What is written on the Space holds, and not what would be chosen by now: its program waits
        for that hardware.
        """
        space, flavor = seen.id, seen.wanted or FREE
        sleep = int(seen.timeout or 0) + _SLEEP
        self._hub.ask(
            "create",
            lambda api: api.request_space_hardware(space, _flavor(flavor), sleep_time=sleep),
            what=f"the hardware {flavor!r} for the Space {space!r}",
        )

    def _check_ours(self, seen: Seen, order: Order) -> None:
        if not _is_of(seen, order.spec.key):
            raise ConflictError(
                f"{NAME}: there is a Space {seen.id!r} already, and it is of another job; give "
                "another `project_name`, or leave it out for one of its own. Nothing was started",
                provider=NAME,
                code="project_taken",
            )

    def _fill(self, order: Order) -> None:
        space, files = contents.space_of(order), contents.files_of(order)
        self._hub.ask(
            "put",
            lambda api: api.create_commit(
                space,
                _additions(files),
                commit_message="AutoTrain, by finetune-anywhere",
                repo_type="space",
            ),
            what=f"the files of the Space {space!r}",
        )

    # Looking at it

    def _record(self, space: str) -> Mapping[str, str]:
        """What was written down of the job of a Space, by the names of its variables."""
        found: Mapping[str, Any] | None = self._hub.find(
            lambda api: api.get_space_variables(space), what=f"the Space {space!r}"
        )
        return {name: str(one.value) for name, one in (found or {}).items()}

    def _space(self, job_id: str) -> str:
        """The Space of a job, whose id is the Space's name in its namespace."""
        if not _ID.fullmatch(job_id):
            raise NotFoundError(
                f"{NAME}: {job_id!r:.80} is no id of a job on a Space, such as "
                f"'{contents.PREFIX}recipes'",
                provider=NAME,
            )
        return f"{self._hub.namespace}/{job_id}"

    def _look(self, space: str) -> Seen:
        info, runtime = self._hub.ask(
            "read",
            lambda api: (api.space_info(space), api.get_space_runtime(space)),
            what=f"the Space {space!r}",
        )
        return Seen.of(info, runtime, self._record(space))

    def _find(self, space: str) -> Seen | None:
        try:
            return self._look(space)
        except NotFoundError:
            return None

    def _names(self) -> list[str]:
        """The Spaces that may hold a job, newest first."""
        namespace = self._hub.namespace
        found: list[Any] = self._hub.ask(
            "read",
            lambda api: list(api.list_spaces(author=namespace, search=contents.PREFIX, full=True)),
            what=f"the Spaces of {namespace!r}",
        )
        ours = [one for one in found if str(one.id).startswith(f"{namespace}/{contents.PREFIX}")]
        return [str(one.id) for one in sorted(ours, key=stages.born)[::-1]]

    def _of_key(self, key: str, spec: JobSpec | None) -> list[Seen]:
        said = spec.options.get("project_name") if spec else None
        ends = (_end(key), *([f"/{contents.PREFIX}{said}"] if said else []))
        names = self._names()
        # The name tells, but for a project that somebody has named and nobody names now.
        near = [name for name in names if name.endswith(ends)]
        looked = (self._find(name) for name in near or names)
        return [seen for seen in looked if seen and _is_of(seen, key)]

    # Telling of it

    def _job(self, seen: Seen) -> Job:
        job = self._told(seen)
        warnings = stages.warnings(seen, job.status, self._hub.clock.now())
        if job.status.terminal and not warnings:
            self._ended[seen.id] = job
        return job.model_copy(update={"warnings": (*job.warnings, *warnings)})

    def _told(self, seen: Seen) -> Job:
        standing = seen.standing
        if standing is Standing.ENDED and seen.begun:
            return self._over(seen)
        status = stages.STATUSES[standing] if seen.begun else JobStatus.PENDING
        return self._plain(seen, status)

    def _over(self, seen: Seen) -> Job:
        found = proof(self._hub, seen.repo, since=seen.created)
        if found is not None:
            job = self._plain(seen, JobStatus.SUCCEEDED)
            return job.model_copy(update={"fine_tuned_model": found.repo, "finished_at": found.at})
        note = self._notes.newest(seen.id)
        if note is not None and note.title == CANCELLED:
            job = self._plain(seen, JobStatus.CANCELLED)
            return job.model_copy(update={"finished_at": note.at})
        job = self._plain(seen, JobStatus.FAILED)
        ended = {"error": self._why(seen, note), "finished_at": note.at if note else None}
        return job.model_copy(update=ended)

    def _plain(self, seen: Seen, status: JobStatus) -> Job:
        return seen.record.job(
            seen.name, status=status, raw_status=seen.stage, created_at=seen.created
        )

    def _why(self, seen: Seen, note: Note | None) -> JobError:
        overtime = note.overtime if note else seen.overdue(self._hub.clock.now()) > 0
        if overtime:
            limit = f"{seen.timeout:.0f} s" if seen.timeout else "its"
            words = f"it was ended at its timeout of {limit}; say a longer `timeout`"
            return JobError(code="timed_out", message=words)
        if seen.stage in stages.NEVER_RAN:
            error = failure(self._read(seen.id, build=True), message=seen.message)
            return error.model_copy(update={"code": "build_failed"})
        lines = note.log if note and note.log else self._read(seen.id)
        return failure(lines, message=seen.message)

    def _lines(self, seen: Seen) -> Sequence[str]:
        if lines := self._read(seen.id):
            return lines
        note = self._notes.newest(seen.id)
        return note.log if note and note.log else self._read(seen.id, build=True)

    def _read(self, space: str, *, build: bool = False) -> list[str]:
        """The lines of a log; none where the Hub has none, as that of a paused Space."""
        try:
            found: list[str] = self._hub.ask(
                "read",
                lambda api: list(api.fetch_space_logs(space, build=build)),
                what=f"the log of the Space {space!r}",
            )
        except ProviderError as error:
            if error.retryable:
                raise
            return []
        secret = self._hub.credential.get(NAME)
        return [redact(line.rstrip("\r\n"), secret) for line in found]

    # Ending it

    def _say_cancelled(self, space: str) -> None:
        try:
            self._notes.say(space, CANCELLED, "`jobs.cancel` paused this Space.")
        except PermissionDeniedError:
            # To stop what costs money matters more than how it is called afterwards.
            return

    def _release(self, seen: Seen) -> None:
        """Stops what runs, gives back what costs, and reads back that it is so.

        Raises:
            ProviderError: the Space does not stop.
        """
        if seen.stage not in stages.STILL:
            self._pause(seen.id)
        if seen.paid:
            # After the pause, so that nothing begins anew on the free hardware.
            self._hub.ask(
                "delete",
                lambda api: api.request_space_hardware(seen.id, _flavor(FREE)),
                what=f"the hardware of the Space {seen.id!r}",
            )
        self._check_stopped(seen.id)

    def _check_stopped(self, space: str) -> None:
        now = self._look(space)
        for pause in _LOOKS:
            if now.stage in stages.STILL and not now.paid:
                return
            if now.stage not in stages.STILL:
                self._pause(space)
            self._hub.clock.sleep(pause)
            now = self._look(space)
        raise ProviderError(
            f"{NAME}: the Space {space!r} was paused and reads {now.stage!r} on "
            f"{now.requested!r}, so that it may still cost money; look at "
            f"{self._hub.place}/spaces/{space}/settings, or cancel once more",
            provider=NAME,
            code="still_running",
            retryable=True,
            effect="unknown",
        )

    def _pause(self, space: str) -> None:
        self._hub.ask("delete", lambda api: api.pause_space(space), what=f"the Space {space!r}")

    # The last one, as its name hides the type from here on

    def list(self) -> Iterator[Job]:
        for space in self._names():
            job = self._ended.get(space)
            seen = None if job else self._find(space)
            found = self._job(seen) if seen and seen.record.spec else job
            # Without a method it is one that AutoTrain itself has made.
            if found is not None and found.method is not None:
                yield found


def _is_of(seen: Seen, key: str) -> bool:
    """The Space was made for this key: its record says so, or its name where it has none."""
    spec = seen.record.spec
    return seen.id.endswith(_end(key)) if spec is None else spec.key == key


def _end(key: str) -> str:
    return f"-{mark(key)[:_MARKED]}"


def _same_call(record: Record, spec: JobSpec) -> bool:
    made = record.spec
    return made is None or not spec.call or not made.call or made.call == spec.call


def _pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _flavor(name: str) -> Any:
    # The package names in its types those that it knew when it was made.
    return name


def _additions(files: Mapping[str, bytes]) -> list[Any]:
    from huggingface_hub import CommitOperationAdd

    return [CommitOperationAdd(path, content) for path, content in files.items()]


@contextmanager
def unpaid() -> Generator[None]:
    """Whatever fails here has started nothing: the same call may be made again."""
    try:
        yield
    except FineTuneError as error:
        if isinstance(error, ProviderError):
            error.effect = "none"
        raise
