"""The jobs of a state folder: made, found, listed, cancelled."""

from __future__ import annotations

import errno
import hashlib
import logging
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from finetune_sdk.errors import (
    ConflictError,
    FineTuneError,
    NotFoundError,
)
from finetune_sdk.providers.base import Rows
from finetune_sdk.providers.local import files, leftovers, rewards
from finetune_sdk.providers.local.cluster.placing import settle
from finetune_sdk.providers.local.environment import secrets
from finetune_sdk.providers.local.faults import disk_full, is_full, translated
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.jobs import (
    care,
    checkpoints,
    pages,
    reading,
    resuming,
    slots,
)
from finetune_sdk.providers.local.jobs.folder import JobFolder, is_held
from finetune_sdk.providers.local.jobs.keys import other_call, refuse_other
from finetune_sdk.providers.local.jobs.launcher import Launcher
from finetune_sdk.providers.local.jobs.records import Created, now
from finetune_sdk.providers.local.jobs.team import Team
from finetune_sdk.providers.local.preflight.check import check
from finetune_sdk.providers.local.preflight.look import foresee, look, tokens
from finetune_sdk.providers.local.settings import NAME
from finetune_sdk.transport import redact
from finetune_sdk.types import (
    Checkpoint,
    Inspection,
    Job,
    JobEvent,
    JobSpec,
    JobStatus,
    Metric,
    Page,
    TokenPiece,
)

_LOG = logging.getLogger("finetune_sdk")
_ID = re.compile(r"ftjob-[0-9a-f]{16}")


def id_of(key: str) -> str:
    """The job's id that a key gives: the same on every machine."""
    return f"ftjob-{hashlib.sha256(key.encode()).hexdigest()[:16]}"


@dataclass(frozen=True)
class LocalJobs:
    """All jobs of one state folder.

    A folder in `jobs/` whose name is no job's id is passed over. One that has such a name and
    cannot be read is listed as `unknown` or `failed`, with a warning that says why: a job that
    cost hours must not vanish from the list.
    """

    home: LocalHome
    launcher: Launcher
    environ: Mapping[str, str] = field(repr=False)

    def create(self, spec: JobSpec) -> Job:
        """Makes the job and starts its supervisor. The same key again gives the same job.

        Raises:
            IdempotencyConflictError: the key made another job before.
            FineTuneError: what `preflight.check` found; nothing is made then.
        """
        folder = JobFolder(self.home.jobs / id_of(spec.key))
        if not folder.path.exists():
            own = self.launcher.trainer is None
            team = self.launcher.team()
            cluster = self.launcher.cluster
            notes = check(spec, folder, self.environ, own_trainer=own, cluster=cluster)
            self._make(folder, spec, notes, team)
        refuse_other(folder, spec)
        # What has waited longer gets up first.
        self._wake_all(but=folder.id)
        with suppress(ValueError):
            if reading.look(folder).dormant:
                self.launcher.start(folder)
        return self._read(folder)

    def inspect(self, spec: JobSpec, rows: Rows) -> Inspection:
        """What is found out about a job before it is made; nothing of it is left behind.

        Raises:
            FineTuneError: what `create` would raise.
        """
        team, cluster, own = (
            self.launcher.team(),
            self.launcher.cluster,
            self.launcher.trainer is None,
        )
        return foresee(
            spec, rows, self.home, self.environ, own_trainer=own, team=team, cluster=cluster
        )

    def tokens(
        self, spec: JobSpec, rows: Sequence[Mapping[str, object]]
    ) -> Sequence[tuple[TokenPiece, ...]]:
        """Rows as the job would learn them; nothing of it is left behind.

        Raises:
            UnsupportedError: not for this method, or this trainer.
            FineTuneError: what `create` would raise.
        """
        own = self.launcher.trainer is None
        return tokens(spec, rows, self.home, self.environ, own_trainer=own)

    def get(self, job_id: str) -> Job:
        """Raises:
        NotFoundError: there is none of that id.
        """
        return self._read(self.find(job_id))

    def list(self, *, limit: int, cursor: str | None) -> Page[Job]:
        """Newest first. What was queued when the machine went down goes on from here."""
        self._wake_all()
        before = None if cursor is None else _place(cursor)
        aged = sorted(((reading.age(one), one) for one in self.folders()), key=_age, reverse=True)
        rest = [one for one in aged if before is None or one[0] < before]
        shown = rest[:limit]
        line = slots.line(self.home)
        jobs = (self._read_if_there(folder, line) for _, folder in shown)
        more = bool(shown) and len(rest) > len(shown)
        return Page(tuple(job for job in jobs if job), "|".join(shown[-1][0]) if more else None)

    def cancel(self, job_id: str) -> Job:
        """Asks the job to end. One that has ended already is given back as it is."""
        folder = self.find(job_id)
        if not folder.ended:
            folder.request_cancel()
        return self._read(folder)

    def pause(self, job_id: str) -> Job:
        """Asks the job to save and stop. One that is paused, or about to end, stays so.

        Raises:
            ConflictError: it has ended.
        """
        folder = self.find(job_id)
        job = self._unended(folder, "pause")
        if job.status in (JobStatus.PAUSED, JobStatus.CANCELLING):
            return job
        folder.request_pause()
        return self._read(folder)

    def resume(self, job_id: str) -> Job:
        """Goes on with a paused job; with one that is still pausing, once it is paused.

        And with one whose trainer has lost its supervisor, should it end before its time.

        Raises:
            ConflictError: it has ended.
            QuotaExceededError: the disk is full; the job stays paused.
        """
        folder = self.find(job_id)
        job = self._unended(folder, "resume")
        if job.status is JobStatus.PAUSED:
            # It would stop again at once, and then without a reason that anybody could write.
            if is_full(folder.path):
                raise disk_full(self.home)
            resuming.put_in_queue(folder)
        elif job.status is JobStatus.PAUSING or _is_orphan(folder, job):
            folder.request_resume()
        return self._read(folder)

    def checkpoints(self, job_id: str, *, limit: int, cursor: str | None) -> Page[Checkpoint]:
        """Those that are complete, newest first. The cursor is a step, so it stays good."""
        folder = self.find(job_id)
        saved = checkpoints.complete(folder.checkpoints)
        best = checkpoints.best(saved)
        before = None if cursor is None else pages.number(cursor)
        rest = [one for one in reversed(saved) if before is None or one.manifest.step < before]
        items = tuple(_checkpoint(folder, one, best=one is best) for one in rest[:limit])
        return Page(items, str(items[-1].step) if items and len(rest) > limit else None)

    def of_key(self, key: str, call: str) -> Sequence[Job]:
        """The job that a create with this key has made, if there is one.

        Args:
            key: of the create.
            call: the digest of the call that is meant; empty is any.

        Raises:
            IdempotencyConflictError: it was made by another call.
        """
        folder = JobFolder(self.home.jobs / id_of(key))
        if not folder.path.is_dir():
            return ()
        with suppress(ValueError, OSError):
            if call and folder.spec().call not in ("", call):
                raise other_call(folder, key)
        return (self._read(folder),)

    def events(self, job_id: str, *, limit: int, cursor: str | None) -> Page[JobEvent]:
        """Newest first."""
        path = self.find(job_id).path / "events.jsonl"
        return pages.newest(path, JobEvent.from_json, limit=limit, cursor=cursor)

    def metrics(self, job_id: str, *, limit: int, cursor: str | None) -> Page[Metric]:
        """Oldest first."""
        path = self.find(job_id).path / "metrics.jsonl"
        return pages.oldest(path, Metric.from_json, limit=limit, cursor=cursor)

    def logs(self, job_id: str, *, limit: int, cursor: str | None) -> Page[str]:
        """Oldest first, without what looks like a secret."""
        folder = self.find(job_id)
        hidden = secrets(self.environ)
        return pages.oldest(
            folder.log,
            lambda line: redact(_last_drawn(line), *hidden),
            limit=limit,
            cursor=cursor,
            ended=folder.ended,
        )

    def find(self, job_id: str) -> JobFolder:
        """The folder of a job.

        Raises:
            NotFoundError: there is none of that id.
        """
        folder = JobFolder(self.home.jobs / job_id)
        if not _ID.fullmatch(job_id) or not folder.path.is_dir():
            raise self._nothing(job_id)
        return folder

    def folders(self) -> Iterator[JobFolder]:
        """Every job's folder, in no order."""
        try:
            for path in self.home.jobs.iterdir():
                if _ID.fullmatch(path.name) and path.is_dir():
                    yield JobFolder(path)
        except FileNotFoundError:
            return

    def _nothing(self, job_id: str) -> NotFoundError:
        return NotFoundError(
            f"there is no job {job_id!r} in {str(self.home.jobs)!r}; `jobs.list` shows those that "
            "are there, FINETUNE_HOME or `home=` names another state folder",
            provider=NAME,
        )

    def drafts(self) -> Sequence[JobFolder]:
        """The folders of jobs that are just being made: nobody sees them, and they count."""
        return [JobFolder(path) for path in self.home.jobs.glob(".ftjob-*")]

    def _make(
        self, folder: JobFolder, spec: JobSpec, notes: tuple[str, ...], team: Team | None
    ) -> None:
        jobs = self.home.make(self.home.jobs)
        leftovers.sweep(jobs, ".ftjob-")
        partial = JobFolder(Path(tempfile.mkdtemp(dir=jobs, prefix=f".{folder.id}.")))
        try:
            files.write_atomic(partial.path / "spec.json", spec.to_json())
            created = Created(
                created_at=now(),
                notes=notes,
                modules=rewards.locate(spec.method),
                python=sys.executable or None,
            )
            created.save(partial)
            if self.launcher.cluster:
                settle(self.launcher.cluster, partial)
            if team:
                team.save(partial)
            own = self.launcher.trainer is None
            found = look(partial, self.environ) if own else Inspection()
            notes = (*notes, *found.warnings)
            if team:
                team.found(found.settings).save(partial)
            settings = {**(team.settings if team else {}), **found.settings}
            told = {"created_at": now(), "notes": notes, "settings": settings}
            created.model_copy(update=told).save(partial)
            partial.tell(f"the job {folder.id} is made", type="created")
            for note in notes:
                partial.tell(note, type="note", level="warning")
            _rename(partial.path, folder.path)
        finally:
            leftovers.remove(partial.path)

    def _read(self, folder: JobFolder, line: Sequence[slots.Turn] | None = None) -> Job:
        try:
            warning = self._care(folder, reading.look(folder))
            job = self._job(folder, line)
        except (ValueError, OSError) as error:
            if not folder.path.is_dir():
                raise self._nothing(folder.id) from error
            job = reading.unreadable(folder, error)
            _LOG.warning(job.warnings[0])
            return job
        if warning is None:
            return job
        return job.model_copy(update={"warnings": (*job.warnings, warning)})

    def _read_if_there(self, folder: JobFolder, line: Sequence[slots.Turn]) -> Job | None:
        # Somebody may delete one of the folders that are being listed.
        with suppress(NotFoundError):
            return self._read(folder, line)
        return None

    def _job(self, folder: JobFolder, line: Sequence[slots.Turn] | None) -> Job:
        sight = reading.look(folder)
        if not sight.waits:
            return reading.job_of(folder, sight)
        line = slots.line(self.home) if line is None else line
        return reading.job_of(folder, sight, slots.place(folder, line))

    def _unended(self, folder: JobFolder, verb: str) -> Job:
        job = self._read(folder)
        if job.status.terminal:
            raise ConflictError(
                f"the job {folder.id!r} has ended ({job.status}), so there is nothing to {verb}; "
                "`jobs.checkpoints` shows what can be trained on, `jobs.create` begins anew",
                provider=NAME,
                code="job_ended",
            )
        return job

    def _care(self, folder: JobFolder, sight: reading.Sight) -> str | None:
        try:
            with translated(self.home):
                care.look_after(folder, sight, self.launcher)
        except FineTuneError as error:
            _LOG.warning("the job %s cannot go on: %s", folder.id, error)
            return f"the job cannot go on: {error}"
        return None

    def _wake_all(self, *, but: str | None = None) -> None:
        for folder in sorted(self.folders(), key=reading.age):
            # One that cannot be read says so when it is read itself.
            with suppress(ValueError, OSError):
                if folder.id != but and not folder.ended:
                    self._care(folder, reading.look(folder))


def _checkpoint(folder: JobFolder, saved: checkpoints.Saved, *, best: bool) -> Checkpoint:
    manifest = saved.manifest
    return Checkpoint(
        id=f"{folder.id}/{saved.path.name}",
        job_id=folder.id,
        provider=NAME,
        model=str(saved.path),
        step=manifest.step,
        created_at=manifest.created_at,
        epoch=manifest.epoch,
        metrics=manifest.metrics,
        best=best,
        bytes=saved.bytes,
    )


def _is_orphan(folder: JobFolder, job: Job) -> bool:
    return job.status is JobStatus.RUNNING and not is_held(folder.supervisor_lock)


def _rename(partial: Path, path: Path) -> None:
    try:
        partial.rename(path)
    except OSError as error:
        # Another process with the same key was first; its folder is the job.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
    files.sync(path.parent)


def _age(one: tuple[tuple[str, str], JobFolder]) -> tuple[str, str]:
    return one[0]


def _place(cursor: str) -> tuple[str, str]:
    created, bar, job_id = cursor.partition("|")
    if not bar:
        raise pages.bad_cursor(cursor)
    return created, job_id


def _last_drawn(line: str) -> str:
    # A progress bar draws over itself; what a terminal would show is the end.
    return line.rstrip("\r").rpartition("\r")[2]
