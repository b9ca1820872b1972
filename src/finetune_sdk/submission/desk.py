"""The way of a create, and of finding it again.

look up the key, or the call ----> known: its job
  |                          ----> may have been sent: look, never post
  v
check -> row PREPARED -> upload -> row with files -> wait for files
  |
  v
row SUBMITTING -> the one request that spends --> a job:       row CREATED
                                              --> refused:     row PREPARED again
                                              --> nobody knows: look, and say so
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from finetune_sdk.errors import (
    ConfigurationError,
    DatasetFileError,
    Effect,
    FineTuneError,
    IdempotencyConflictError,
    NotFoundError,
    ProviderError,
)
from finetune_sdk.providers.base import CanFindJob, CanPrepare, FineTuneProvider
from finetune_sdk.submission.journal import Journal, Row, State
from finetune_sdk.submission.locks import Locks
from finetune_sdk.submission.words import nothing, unknown, warned, with_others
from finetune_sdk.types import Job, JobSpec

T = TypeVar("T")

logger = logging.getLogger("finetune_sdk")

LOOKS = (0.0, 2.0, 5.0, 15.0, 30.0)
"""Seconds after the loss at which a lost create is looked for: lists lag behind."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """A create that somebody wants.

    Attributes:
        spec: with the key and the digest of the call; its files may be stand-ins.
        keyed: the key is the caller's.
        check: all that can refuse it before anything is sent.
        upload: sends the files, and gives the spec with them.
        recheck: what was checked is still what was sent.
        heard: whoever asked is still there to get the job; asked when it is made.
    """

    spec: JobSpec
    keyed: bool
    check: Callable[[], None]
    upload: Callable[[JobSpec], JobSpec]
    recheck: Callable[[], None]
    heard: Callable[[], bool] = lambda: True


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Submissions to one provider.

    Attributes:
        owner: what stands in front of its handles.
        call: runs a function of the provider, and lets only our errors out. Its second argument is
            what a stranger's exception may have done.
    """

    provider: FineTuneProvider
    owner: str
    journal: Journal
    locks: Locks
    call: Callable[[Callable[[], object], Effect], object]

    def submit(self, order: Order) -> Job:
        """The job of the order, made now or before.

        Raises:
            IdempotencyConflictError: the key was used with another call.
            SubmissionUnknownError: nobody knows whether it was made.
            FineTuneError: it was refused; nothing was made.
        """
        if order.keyed:
            with self._held(order.spec.key):
                return self._told(order, self._of_key(order))
        return self._of_call(order)

    def knows(self, text: str) -> bool:
        """Whether the journal has a submission of that id or key."""
        return self._row_of(text) is not None

    def begun(self, spec: JobSpec) -> bool:
        """Whether a create of that key may have been sent from here."""
        row = self._row_of_key(spec)
        return row is not None and row.state is not State.PREPARED

    def made(self, spec: JobSpec) -> Job | None:
        """The job that is known here of a key, as it stands; nothing is looked for.

        Raises:
            IdempotencyConflictError: the key was used with another call.
        """
        row = self._row_of_key(spec)
        return self._get(row) if row is not None and row.job_id else None

    def sent(self, spec: JobSpec) -> JobSpec | None:
        """The files of an earlier try of the same call; None where they may be gone."""
        row = self._row_of_key(spec)
        if row is None or _file_ids(row.spec) == _file_ids(spec):
            return None
        there = isinstance(self.provider, CanPrepare) and self._usable(row.spec)
        return row.spec if there else None

    def recover(self, text: str, *, abandon: bool = False) -> Job | None:
        """The job of a submission, by its id or by its key.

        Args:
            abandon: where none is found, give it up: None, and the same call may be made anew.

        Raises:
            NotFoundError: nothing of it may be on its way, and no job of it is listed.
            SubmissionUnknownError: none is found, and it may yet show up.
        """
        row = self._row_of(text)
        if row is None:
            return self._asked(text)
        with self._held(row.key):
            job = self._found_again(self.journal.get(row.id) or row, abandon=abandon)
        return None if job is None else self._handed_over(job)

    def _found_again(self, row: Row, *, abandon: bool) -> Job | None:
        if row.state is State.SUBMITTING:
            return self._given_up(row) if abandon else self._looked_for(row, None)
        if row.job_id:
            return self._get(row)
        if found := self._find(row.spec, row):
            # Of another machine with this key, or given up here and there after all: paid for.
            return self._adopted(row, found)
        raise NotFoundError(
            f"no job of the submission {row.id!r} is listed; create it again",
            provider=self.provider.name,
        )

    # With a key

    def _of_key(self, order: Order) -> Job:
        spec, row = order.spec, self._row_of_key(order.spec)
        if row is not None and (job := self._settled(row)):
            return job
        # Nothing was sent from here, and another machine may have made it with the same key.
        found = self._find(spec, None)
        return (
            self._adopted(row or self._new_row(order), found) if found else self._make(order, row)
        )

    # Without one

    def _of_call(self, order: Order) -> Job:
        name, account, call = self.provider.name, self.provider.account, order.spec.call
        for row in self.journal.of_call(name, account, call, State.SUBMITTING):
            with self._held(row.key):
                # Whoever was at it is not any more, and may have settled it.
                fresh = self.journal.get(row.id)
                if fresh is not None and fresh.state is State.SUBMITTING:
                    return self._told(order, self._looked_for(fresh, None))
        # A key of the caller's is another intent; it is taken up by who says it.
        for state in (State.CREATED, State.PREPARED):
            rows = self.journal.of_call(name, account, call, state)
            for row in reversed([row for row in rows if not row.keyed]):
                if job := self._taken_up(order, row):
                    return job
        with self._held(order.spec.key):
            return self._told(order, self._make(order, None))

    def _taken_up(self, order: Order, row: Row) -> Job | None:
        """What an earlier try of the same call has left; None where somebody is at it, or was."""
        with self._held(row.key, wait=False) as mine:
            fresh = self.journal.get(row.id) if mine else None
            if fresh is None or fresh.state is not row.state:
                return None
            if fresh.state is State.CREATED:
                words = f"made before by this call, which was cut short ({row.id})"
                return self._told(order, warned(self._get(fresh), words))
            keyed = replace(order, spec=order.spec.model_copy(update={"key": row.key}))
            found = self._find(keyed.spec, None)
            made = self._adopted(fresh, found) if found else self._make(keyed, fresh)
            return self._told(order, made)

    # Making it

    def _make(self, order: Order, row: Row | None) -> Job:
        order.check()
        row = self._with_files(order, row or self._new_row(order))
        row = self.journal.change(
            row, state=State.SUBMITTING, submitted_at=self.provider.clock.now()
        )
        return self._sent(row)

    def _with_files(self, order: Order, row: Row) -> Row:
        """The row with the files of the order, uploaded now or by an earlier try."""
        # The journal keeps no options and no words of the caller's: those are the order's.
        files = {name: getattr(row.spec, name) for name in ("training_file", "validation_file")}
        again = order.spec.model_copy(update=files)
        if _file_ids(again) != _file_ids(order.spec) and self._usable(again):
            return replace(row, spec=again)
        spec = order.upload(order.spec)
        # Before the file is noted: rows that changed meanwhile must not be taken up by a re-run.
        order.recheck()
        row = self.journal.change(row, spec=spec)
        self._prepared(spec)
        return row

    def _usable(self, spec: JobSpec) -> bool:
        """Whether the files of an earlier try are there yet; else they are uploaded anew."""
        try:
            self._prepared(spec)
        except DatasetFileError:
            return False
        return True

    def _prepared(self, spec: JobSpec) -> None:
        provider = self.provider
        if isinstance(provider, CanPrepare):
            self._do(lambda: provider.prepare_job(spec))

    def _sent(self, row: Row) -> Job:
        try:
            job = self._do(lambda: self.provider.create_job(row.spec), "unknown")
        except FineTuneError as error:
            if not (isinstance(error, ProviderError) and error.effect != "none"):
                # It may be sent again.
                self._noted(row, "the create was refused", state=State.PREPARED, submitted_at=None)
                raise
            lost = error
        else:
            return self._written(row, job)
        return self._looked_for(row, lost)

    def _written(self, row: Row, job: Job) -> Job:
        # The job is there and paid for: whoever asked for it gets it.
        self._noted(row, f"the job {job.id} is made", state=State.CREATED, job_id=job.id)
        return job

    def _told(self, order: Order, job: Job) -> Job:
        """The job, on its way to who has asked for it; where nobody is there, a re-run gets it."""
        return self._handed_over(job) if order.heard() else job

    def _handed_over(self, job: Job) -> Job:
        try:
            self.journal.tell(self.provider.name, self.provider.account, job.id)
        except FineTuneError as error:
            logger.warning("the journal cannot be written: %s", error)
        return job

    def _noted(self, row: Row, what: str, **fields: object) -> None:
        """Writes down what has happened; where it cannot, that is told and nothing else changes.

        The row goes on saying that it may have been sent, and whoever reads it looks for the job.
        """
        try:
            self.journal.change(row, **fields)
        except FineTuneError as error:
            logger.warning("%s, and that could not be written down: %s", what, error)

    # Finding it

    def _settled(self, row: Row) -> Job | None:
        """The job of a row; None where nothing was sent."""
        if row.state is State.SUBMITTING:
            return self._looked_for(row, None)
        if row.state not in (State.CREATED, State.TOLD):
            return None
        return warned(
            self._get(row),
            # What another machine has made was not sent from here.
            f"made before by the key {row.key!r:.80}, at "
            f"{row.submitted_at or row.created_at:%F %T} UTC",
        )

    def _given_up(self, row: Row) -> Job | None:
        found, trouble = self._searched(row)
        if found:
            return self._adopted(row, found)
        if trouble:
            # Nobody has looked, so it may well be there.
            raise unknown(self.owner, row, None, trouble)
        self.journal.change(row, state=State.ABANDONED)
        return None

    def _looked_for(self, row: Row, lost: ProviderError | None) -> Job:
        found, trouble = self._searched(row)
        if found:
            return self._adopted(row, found)
        asked = isinstance(self.provider, CanFindJob)
        why = "it is not in the provider's list" if asked else "the provider cannot be asked"
        raise unknown(self.owner, row, lost, trouble or why)

    def _searched(self, row: Row) -> tuple[list[Job], str]:
        """The jobs that are found; and, where there are none, why the last look was none."""
        clock = self.provider.clock
        start, trouble = clock.monotonic(), ""
        for after in LOOKS if isinstance(self.provider, CanFindJob) else ():
            clock.sleep(max(start + after - clock.monotonic(), 0.0))
            try:
                found, trouble = self._find(row.spec, row), ""
            except IdempotencyConflictError:
                # The list was read, and all that another machine has made with this key is of
                # another call: none of this one.
                found, trouble = [], ""
            except (ProviderError, ConfigurationError) as error:
                # The latter is the journal's, which says what others own: it went meanwhile.
                found, trouble = [], f"the last look for it failed: {error}"
            if found:
                return found, ""
        return [], trouble

    def _find(self, spec: JobSpec, row: Row | None) -> list[Job]:
        provider = self.provider
        if not isinstance(provider, CanFindJob):
            return []
        since = row.submitted_at if row else None
        found = self._do(lambda: provider.find_jobs(spec.key, spec=spec, since=since))
        # Of a file that was given by its id others may have made jobs, too.
        others = self.journal.job_ids(provider.name, provider.account, but=row.id if row else "")
        return [job for job in found if job.id not in others]

    def _adopted(self, row: Row, found: list[Job]) -> Job:
        first, *others = found
        return self._written(row, with_others(first, others, row.key))

    def _asked(self, key: str) -> Job:
        provider = self.provider
        found: list[Job] = []
        if isinstance(provider, CanFindJob):
            found = self._do(lambda: provider.find_jobs(key))
        if not found:
            raise NotFoundError(nothing(self.owner, key), provider=provider.name)
        return with_others(found[0], found[1:], key)

    def _get(self, row: Row) -> Job:
        return self._do(lambda: self.provider.get_job(row.job_id or ""))

    # Help

    def _row_of_key(self, spec: JobSpec) -> Row | None:
        row = self.journal.of_key(self.provider.name, self.provider.account, spec.key)
        if row is not None and row.call != spec.call:
            raise IdempotencyConflictError(
                f"the key {spec.key!r:.80} was used with another call (submission {row.id}); use a "
                "new key for a new job. Nothing was sent"
            )
        return row

    def _row_of(self, text: str) -> Row | None:
        row = self.journal.get(text)
        name, account = self.provider.name, self.provider.account
        if row is None:
            return self.journal.of_key(name, account, text)
        if (row.provider, row.account) != (name, account):
            raise ConfigurationError(
                f"the submission {text!r} is of {row.owner!r} ({row.account or row.provider}), and "
                f"this client of {account or name}; open a client of that account for it"
            )
        return row

    def _new_row(self, order: Order) -> Row:
        row = Row(
            id=f"sub-{uuid.uuid4().hex[:16]}",
            provider=self.provider.name,
            account=self.provider.account,
            owner=self.owner,
            key=order.spec.key,
            call=order.spec.call,
            state=State.PREPARED,
            spec=order.spec,
            created_at=self.provider.clock.now(),
            keyed=order.keyed,
        )
        self.journal.add(row)
        return row

    def _held(self, key: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        return self.locks.held(self.provider.name, self.provider.account, key, wait=wait)

    def _do(self, function: Callable[[], T], effect: Effect = "none") -> T:
        return cast("T", self.call(function, effect))


def _file_ids(spec: JobSpec) -> list[str | None]:
    return [file.id if file else None for file in (spec.training_file, spec.validation_file)]
