"""Waiting for jobs. It never writes: what happens to a job happens elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from finetune_sdk.errors import JobFailedError, JobPausedError, ProviderError
from finetune_sdk.providers.base import CanPause
from finetune_sdk.resources.contact import Contact, Pace
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.feed import EventFeed
from finetune_sdk.resources.paging import PAGE_SIZE
from finetune_sdk.resources.steps import Emit, Quiet, Steps, ask
from finetune_sdk.types import Job, JobError, JobEvent, JobStatus, Page

logger = logging.getLogger("finetune_sdk")

TOLD_EVENTS = 20
"""Events that a `JobFailedError` carries."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How to wait: `timeout` and `poll_interval` in seconds, None as documented at `wait`."""

    timeout: float | None = None
    poll_interval: float | None = None

    def pace(self, context: Context) -> Pace:
        return Pace(
            context,
            timeout=self.timeout,
            interval=self.poll_interval,
            bounds=context.provider.capabilities.poll_interval,
        )


def several(jobs: Iterable[Job | str] | Job | str) -> Iterable[Job | str]:
    """Jobs as an iterable, where one alone was given too."""
    return [jobs] if isinstance(jobs, Job | str) else jobs


def fetch(context: Context, job_id: str) -> Job:
    """The job as it stands, stamped."""
    return context.stamp(context.call(lambda: context.provider.get_job(job_id)))


def wait(
    context: Context,
    job_id: str,
    patience: Patience,
    *,
    on_event: Callable[[JobEvent], None] | None,
    on_look: Callable[[Job], None],
) -> Quiet[Job]:
    """Looks at the job until it ended; ends with the one that succeeded."""
    handle = f"{context.owner}:{job_id}"
    contact, pace = Contact(context, handle), patience.pace(context)
    feed, words = EventFeed(context, job_id), _NewWords()
    while True:
        job = yield from contact.look(lambda: fetch(context, job_id))
        if job is not None:
            words.look(job)
            on_look(job)
            if on_event is not None:
                yield from feed.tell(on_event)
            if (yield from _ended(context, job)):
                return job
        yield from pace.rest(f"the job {handle!r} has not ended", contact.doubt)


def watch(context: Context, job_ids: Iterable[str] | None, patience: Patience) -> Steps[Job, None]:
    """Hands out each job whenever it changed, until none goes on; one listing a look.

    Without ids these are the jobs that have not ended at the first look. A paused job may be
    resumed, so it is looked at as long as another one goes on; it alone is no reason to wait.
    """
    open_ids = set(job_ids) if job_ids is not None else None
    if open_ids is not None and not open_ids:
        return
    contact, pace = Contact(context, context.owner), patience.pace(context)
    known: dict[str, Job] = {}
    while True:
        jobs = yield from contact.look(partial(look_at_all, context, open_ids))
        if jobs is not None:
            wanted = [job for job in jobs if open_ids is not None or not job.status.terminal]
            for job in wanted:
                if known.get(job.id) != job:
                    known[job.id] = job
                    yield Emit(job)
            open_ids = {job.id for job in wanted if not job.status.terminal}
            if all(known[job_id].status is JobStatus.PAUSED for job_id in open_ids):
                return
        yield from pace.rest(f"{len(open_ids or ())} job(s) have not ended", contact.doubt)


def follow(context: Context, job_id: str, *, forever: bool) -> Steps[JobEvent, None]:
    """Hands out the job's events, oldest first; with `forever` until it ended or paused."""
    feed = EventFeed(context, job_id)
    contact = Contact(context, f"{context.owner}:{job_id}")
    pace = Patience().pace(context)
    while True:
        # The job is looked at first: what it says before it stops is then never missed.
        job = yield from contact.look(lambda: fetch(context, job_id))
        yield from _hand_out(feed, bear=forever)
        if not forever or (job is not None and _stands_still(job)):
            return
        yield from pace.rest(f"the job {job_id!r} has not ended", contact.doubt)


def _hand_out(feed: EventFeed, *, bear: bool) -> Steps[JobEvent, None]:
    try:
        events = yield from feed.new()
    except ProviderError as error:
        if not (bear and error.retryable):
            raise
        return  # The next look fetches them.
    for event in events:
        yield Emit(event)


class _NewWords:
    """Says each status that nobody knows once, in the log: it is waited through."""

    def __init__(self) -> None:
        self._told: set[str | None] = set()

    def look(self, job: Job) -> None:
        if job.status is JobStatus.UNKNOWN and job.raw_status not in self._told:
            self._told.add(job.raw_status)
            logger.warning(
                "the job %s reads %r, which this version does not know; waiting goes on",
                job.handle,
                job.raw_status,
            )


def _stands_still(job: Job) -> bool:
    return job.status.terminal or job.status is JobStatus.PAUSED


def _ended(context: Context, job: Job) -> Quiet[bool]:
    if job.status is JobStatus.SUCCEEDED:
        # The proof of success is the model; some providers name it a few looks later.
        return bool(job.fine_tuned_model)
    if job.status is JobStatus.PAUSED:
        raise JobPausedError(_why_paused(context, job), job=job)
    if job.status.terminal:
        events = yield from ask(lambda: _last_events(context, job))
        raise JobFailedError(_reason(job), job=job, events=events)
    return False


def _why_paused(context: Context, job: Job) -> str:
    words = f"the job {job.handle!r} is paused{_cause(job)}"
    if "`jobs.resume`" in words:
        return words
    if isinstance(context.provider, CanPause):
        return f"{words}; go on with `jobs.resume`"
    return f"{words}; resume it where it was paused"


def _cause(job: Job) -> str:
    if job.error is not None:
        return _told(job.error)
    return ": its machine or process went down" if job.raw_status == "lost" else ""


def _reason(job: Job) -> str:
    if job.status is JobStatus.CANCELLED:
        return f"the job {job.handle!r} was cancelled"
    error = job.error or JobError(message="the provider gave no reason")
    return f"the job {job.handle!r} failed{_told(error)}"


def _told(error: JobError) -> str:
    return f"{f' [{error.code}]' if error.code else ''}: {error.message}"


def _last_events(context: Context, job: Job) -> list[JobEvent]:
    try:
        page = context.call(
            lambda: context.provider.list_events(job.id, limit=TOLD_EVENTS, cursor=None)
        )
    except ProviderError:
        return []  # The reason is in the job; the events only illustrate it.
    return list(reversed(page.items))


def look_at_all(context: Context, wanted: set[str] | None) -> list[Job]:
    """The jobs of these ids, or all, as they stand; by one listing, where they are several."""
    if wanted is not None and len(wanted) == 1:
        return [fetch(context, next(iter(wanted)))]
    found: dict[str, Job] = {}
    cursor: str | None = None
    seen: set[str | None] = set()
    while True:
        seen.add(cursor)
        page = _page(context, cursor)
        found |= {job.id: job for job in page.items if wanted is None or job.id in wanted}
        stuck = page.next_cursor is None or page.next_cursor in seen
        if stuck or (wanted is not None and found.keys() >= wanted):
            break
        cursor = page.next_cursor
    listed = [context.stamp(job) for job in found.values()]
    # What a complete list does not have is asked for by its name: it may not exist at all.
    return listed + [fetch(context, job_id) for job_id in sorted((wanted or set()) - found.keys())]


def _page(context: Context, cursor: str | None) -> Page[Job]:
    return context.call(lambda: context.provider.list_jobs(limit=PAGE_SIZE, cursor=cursor))
