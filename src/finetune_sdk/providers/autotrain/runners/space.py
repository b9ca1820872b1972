"""Jobs on a Space, as AutoTrain itself starts them: a container that trains and pauses its Space.

A paused Space says nothing of how it went, and a Space costs money for as long as it is not
paused. So the hardware is asked for last and alone; a job has succeeded only where its model lies;
and whoever cancels reads back that nothing runs.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
from finetune_sdk.providers.autotrain.runners.notes import CANCELLED, FAILED, SUCCEEDED, Notes
from finetune_sdk.providers.autotrain.runners.reasons import Reasons
from finetune_sdk.providers.autotrain.runners.stages import FREE, Seen, Standing, Told
from finetune_sdk.providers.autotrain.runners.truth import Proof, proof
from finetune_sdk.providers.autotrain.settings import NAME
from finetune_sdk.types import Job, JobSpec, JobStatus

_ID = re.compile(rf"{contents.PREFIX}[A-Za-z0-9._-]{{1,90}}")
_MARKED = 10
"""Digits of a key's mark at the end of the name that `project_name` makes."""
_SLEEP = 600
"""Seconds after a job's timeout until the Hub itself puts the Space to sleep."""
_LOOKS = (2.0, 5.0, 10.0)
"""Seconds between two looks whether a Space has stopped."""
_TITLES = {JobStatus.SUCCEEDED: SUCCEEDED, JobStatus.FAILED: FAILED}


class SpaceRunner(Runner):
    """Runs orders on Spaces of their own."""

    def __init__(self, hub: Hub) -> None:
        """Sends nothing yet."""
        self._hub = hub
        self._notes = Notes(hub)
        self._reasons = Reasons(hub)
        self._ended: dict[str, Job] = {}

    def start(self, order: Order) -> Job:
        seen = self.prepare(order)
        if not seen.begun:
            self._spend(order)
        job = self._job(seen) if seen.begun else self._plain(seen, JobStatus.QUEUED)
        return job.model_copy(update={"warnings": (*order.warnings, *job.warnings)})

    def prepare(self, order: Order) -> Seen:
        """The Space of an order, with all that it needs but the hardware. Nothing is paid for.

        What an earlier call of the same key has left is completed, and made what this one says.

        Raises:
            ConflictError: there is a Space of that name that is none of this order.
            UnsupportedError: a Space cannot be told all of it.
        """
        with unpaid():
            space = contents.space_of(order)
            seen = self._find(space) or self._made(order)
            self._check_ours(seen, order)
            return seen if seen.begun or self._ready(seen, order) else self._look(space)

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
        self._release(seen, free=self._say_ended(seen))
        return self.get(job_id)

    def log(self, job_id: str) -> Sequence[str]:
        return self._reasons.lines(self._look(self._space(job_id)))

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
                space_secrets=contents.pairs(secrets),
                space_variables=contents.pairs(variables),
            ),
            what=_named(space),
        )
        return self._look(space)

    def _ready(self, seen: Seen, order: Order) -> bool:
        """Nothing is missing but the hardware; else what is missing is put there.

        What an earlier call wrote may be of other hardware than this one pays for, and the time of
        a job is not that in which its Space waited for it.
        """
        waited = seen.age(self._hub.clock.now()) > stages.LONGEST_BUILD
        stale = waited or seen.told != contents.variables_of(order)
        filled = contents.PROGRAM in seen.files and not stale
        if not filled:
            self._fill(order)
        if stale:
            self._write(order)
        if asleep := seen.stage in stages.STILL:
            # Hardware does not wake what was paused.
            self._hub.ask("put", lambda api: api.restart_space(seen.id), what=_named(seen.id))
        return filled and not asleep

    def _write(self, order: Order) -> None:
        token = self._hub.credential.get(NAME)
        self._hub.ask(
            "put",
            lambda api: contents.write(api, order, token),
            what=f"the secrets of the Space {contents.space_of(order)!r}",
        )

    def _spend(self, order: Order) -> None:
        """The step that costs money: the Space is built anew for the hardware, and trains."""
        space, flavor = contents.space_of(order), order.machine.name
        sleep = int(order.seconds) + _SLEEP
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
        space, files = contents.space_of(order), contents.additions(order)
        self._hub.ask(
            "put",
            lambda api: api.create_commit(
                space,
                files,
                commit_message="AutoTrain, by finetune-anywhere",
                repo_type="space",
            ),
            what=f"the files of the Space {space!r}",
        )

    # Looking at it

    def _record(self, space: str) -> Told:
        """What was written down of the job of a Space."""
        found: Mapping[str, Any] | None = self._hub.find(
            lambda api: api.get_space_variables(space), what=_named(space)
        )
        return Told.of(found or {})

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
            what=_named(space),
        )
        seen = Seen.of(info, runtime, self._record(space))
        if seen.bought and seen.standing is not Standing.ENDED:
            return seen
        return replace(seen, note=self._notes.newest(space))

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
        if seen.over:
            return self._over(seen)
        status = stages.STATUSES[seen.standing] if seen.begun else JobStatus.PENDING
        return self._plain(seen, status)

    def _over(self, seen: Seen) -> Job:
        note = seen.note
        if note is not None and note.title == CANCELLED:
            job = self._plain(seen, JobStatus.CANCELLED)
            return job.model_copy(update={"finished_at": note.at})
        # A model that lies there may be that of another job with the same name.
        failed = note is not None and note.title == FAILED
        found = None if failed else self._proof(seen)
        if found is not None:
            job = self._plain(seen, JobStatus.SUCCEEDED)
            return job.model_copy(update={"fine_tuned_model": found.repo, "finished_at": found.at})
        job = self._plain(seen, JobStatus.FAILED)
        ended = {"error": self._reasons.error(seen), "finished_at": note.at if note else None}
        return job.model_copy(update=ended)

    def _proof(self, seen: Seen) -> Proof | None:
        spec = seen.record.spec
        key = mark(spec.key) if spec else None
        return proof(self._hub, seen.repo, since=seen.created, key=key)

    def _plain(self, seen: Seen, status: JobStatus) -> Job:
        return seen.record.job(
            seen.name, status=status, raw_status=seen.stage, created_at=seen.created
        )

    # Ending it

    def _say_ended(self, seen: Seen) -> bool:
        """Says on its page how the job ended, which its hardware tells no longer once it is free.

        Returns:
            Whether that is there to be read.
        """
        job = self._job(seen)
        if job.status.terminal and not seen.paid:
            return True
        told = f": {job.error.message}" if job.error else ""
        words = f"`jobs.cancel` paused this Space, which read {seen.stage}{told}"
        log = self._reasons.lines(seen) if job.status.terminal else ()
        try:
            self._notes.say(seen.id, _TITLES.get(job.status, CANCELLED), words, log)
        except PermissionDeniedError:
            # To stop what costs money matters more than how it is called afterwards.
            return False
        return True

    def _release(self, seen: Seen, *, free: bool) -> None:
        """Stops what runs, gives back what costs, and reads back that it is so.

        Args:
            seen: the Space.
            free: its hardware is given back, too. A paused Space costs nothing with it either, but
                whoever starts it again pays.

        Raises:
            ProviderError: the Space does not stop.
        """
        if seen.stage not in stages.STILL:
            self._pause(seen.id)
        if seen.paid and free:
            # After the pause, so that nothing begins anew on the free hardware.
            self._hub.ask(
                "delete",
                lambda api: api.request_space_hardware(seen.id, _flavor(FREE)),
                what=f"the hardware of the Space {seen.id!r}",
            )
        self._check_stopped(seen.id, free=free)

    def _check_stopped(self, space: str, *, free: bool) -> None:
        now = self._look(space)
        for pause in _LOOKS:
            if now.stage in stages.STILL and not (now.paid and free):
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
        self._hub.ask("delete", lambda api: api.pause_space(space), what=_named(space))

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


def _named(space: str) -> str:
    return f"the Space {space!r}"


def _flavor(name: str) -> Any:
    # The package names in its types those that it knew when it was made.
    return name


@contextmanager
def unpaid() -> Generator[None]:
    """Whatever fails here has started nothing: the same call may be made again."""
    try:
        yield
    except FineTuneError as error:
        if isinstance(error, ProviderError):
            error.effect = "none"
        raise
