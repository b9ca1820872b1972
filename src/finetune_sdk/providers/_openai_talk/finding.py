"""Which jobs a create has made whose answer was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from finetune_sdk.errors import IdempotencyConflictError, InvalidRequestError, ResponseDecodeError
from finetune_sdk.providers._openai_talk.talk import Talk
from finetune_sdk.providers._openai_talk.uploads import PURPOSE, mark
from finetune_sdk.providers._openai_wire.encode import KEY
from finetune_sdk.providers._openai_wire.jobs import job_of, marks
from finetune_sdk.providers._openai_wire.pages import page_of
from finetune_sdk.providers._openai_wire.requests import JOBS, page
from finetune_sdk.providers._openai_wire.values import Table, moment, text
from finetune_sdk.types import Job, JobSpec

_PAGE = 100
_MOST_PAGES = 1000
_SKEW = timedelta(minutes=10)
"""How far the service's clock and ours may be apart."""


def find(
    talk: Talk, key: str, spec: JobSpec | None, since: datetime | None, *, unmarked: bool
) -> list[Job]:
    """The jobs of a key, or else of a whole call; oldest first.

    Args:
        unmarked: the create of the key left without a mark.

    Raises:
        IdempotencyConflictError: the key made a job of another call.
    """
    found = _marked(talk, key, spec)
    if not found and spec is not None and since is not None:
        # Some servers take no metadata: there the file tells, whose name carries the key.
        jobs = list(_since(talk, since))
        found = [job for job in jobs if _is_of(job, spec, key, unmarked=unmarked)]
    return _oldest_first(found)


def find_by_files(talk: Talk, key: str, spec: JobSpec | None) -> list[Job]:
    """The jobs of the files that were uploaded for a key, by their names; oldest first.

    For services that keep no metadata: it finds what another machine has made, too.

    Raises:
        IdempotencyConflictError: the key made a job of another call.
    """
    files = {
        text(one.get("id"))
        for one in _listed(talk, "/files", {"purpose": PURPOSE})
        if mark(key) in (text(one.get("filename")) or "")
    }
    if not files:
        return []
    jobs = [job for one in _listed(talk, JOBS, {}) if (job := _job(talk, one))]
    ours = [job for job in jobs if job.training_file and job.training_file.id in files]
    same = [job for job in ours if spec is None or _alike(job, spec, read_back=False)]
    if ours and not same:
        raise _conflict(key, ours[-1].id)
    return _oldest_first(same)


def _oldest_first(found: list[Job]) -> list[Job]:
    return sorted(found, key=lambda job: (job.created_at is None, job.created_at, job.id))


def _marked(talk: Talk, key: str, spec: JobSpec | None) -> list[Job]:
    try:
        listed = list(_listed(talk, JOBS, {f"metadata[{KEY}]": key}))
    except InvalidRequestError:
        listed = list(_listed(talk, JOBS, {}))
    # Filtered here, too: a server may pass over the filter.
    ours = [one for one in listed if marks(one)[0] == key]
    same = [one for one in ours if _same_call(marks(one)[1], spec)]
    if ours and not same:
        raise _conflict(key, ours[-1].get("id"))
    return [job for one in same if (job := _job(talk, one)) is not None]


def _conflict(key: str, job_id: object) -> IdempotencyConflictError:
    return IdempotencyConflictError(
        f"the key {key!r:.80} made the job {job_id!r} with another call; use a new key for a new "
        "job"
    )


def _same_call(call: str | None, spec: JobSpec | None) -> bool:
    return spec is None or not spec.call or call is None or call == spec.call


def _since(talk: Talk, since: datetime) -> Iterator[Job]:
    for one in _listed(talk, JOBS, {}):
        made = moment(one.get("created_at"))
        if made is not None and made < since - _SKEW:
            return  # The list runs from new to old.
        job = _job(talk, one)
        if job is not None and marks(one)[0] is None:
            yield job


def _job(talk: Talk, found: Table) -> Job | None:
    return job_of(found, provider=talk.provider)


def _is_of(job: Job, spec: JobSpec, key: str, *, unmarked: bool) -> bool:
    if job.training_file is None or job.training_file.id != spec.training_file.id:
        return False
    if mark(key) in (spec.training_file.name or ""):
        return True  # One upload is made for one intent.
    if not unmarked:
        return False  # With a mark it would have been found by it: it is somebody else's.
    ours = spec.validation_file.id if spec.validation_file else None
    theirs = job.validation_file.id if job.validation_file else None
    return ours == theirs and _alike(job, spec, read_back=True)


def _alike(job: Job, spec: JobSpec, *, read_back: bool) -> bool:
    """Nothing that the job says of itself is other than what was asked for, its files apart.

    Args:
        read_back: its hyperparameters are those that were asked for.
    """
    same_model = job.model == spec.model or job.model.startswith(f"{spec.model}-")
    same_seed = spec.seed is None or job.seed is None or job.seed == spec.seed
    same_words = spec.suffix is None or job.suffix in (None, spec.suffix)
    return same_model and same_seed and same_words and _same_way(job, spec, read_back=read_back)


def _same_way(job: Job, spec: JobSpec, *, read_back: bool) -> bool:
    if job.method is None:
        return True
    if not read_back:
        return job.method.name == spec.method.name
    said = spec.method.given() & job.method.given()
    return job.method.name == spec.method.name and all(
        getattr(job.method, name) == getattr(spec.method, name) for name in said
    )


def _listed(talk: Talk, path: str, query: dict[str, str]) -> Iterator[Table]:
    cursor: str | None = None
    seen: set[str | None] = set()
    while cursor not in seen and len(seen) < _MOST_PAGES:
        seen.add(cursor)
        answer = talk.ask(page(path, _PAGE, cursor, **query))
        read: Callable[[Table], Table] = dict
        found = page_of(answer, read, limit=_PAGE, cursor=cursor, provider=talk.provider)
        yield from found.items
        if found.next_cursor is None:
            break
        cursor = found.next_cursor
    else:
        raise _endless(talk.provider)
    if not found.items and answer.get("has_more") is True:
        raise _endless(talk.provider)


def _endless(provider: str) -> ResponseDecodeError:
    # Where the list cannot be read to its end, nobody can say that a job is not in it.
    return ResponseDecodeError(f"{provider}: the list of jobs does not end", provider=provider)
