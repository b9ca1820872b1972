"""Which jobs a create has made whose answer was lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from finetune_sdk.errors import IdempotencyConflictError, InvalidRequestError, ResponseDecodeError
from finetune_sdk.providers._openai_talk import Talk
from finetune_sdk.providers._openai_talk.uploads import mark
from finetune_sdk.providers._openai_wire.encode import KEY
from finetune_sdk.providers._openai_wire.jobs import job_of, marks
from finetune_sdk.providers._openai_wire.pages import page_of
from finetune_sdk.providers._openai_wire.requests import JOBS, page
from finetune_sdk.providers._openai_wire.values import Table, moment
from finetune_sdk.providers.openai.settings import NAME
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
    return sorted(found, key=lambda job: (job.created_at is None, job.created_at, job.id))


def _marked(talk: Talk, key: str, spec: JobSpec | None) -> list[Job]:
    try:
        listed = list(_listed(talk, {f"metadata[{KEY}]": key}))
    except InvalidRequestError:
        listed = list(_listed(talk, {}))
    # Filtered here, too: a server may pass over the filter.
    ours = [one for one in listed if marks(one)[0] == key]
    same = [one for one in ours if _same_call(marks(one)[1], spec)]
    if ours and not same:
        raise IdempotencyConflictError(
            f"the key {key!r:.80} made the job {ours[-1].get('id')!r} with another call; use a new "
            "key for a new job"
        )
    return [job for one in same if (job := job_of(one, provider=NAME)) is not None]


def _same_call(call: str | None, spec: JobSpec | None) -> bool:
    return spec is None or not spec.call or call is None or call == spec.call


def _since(talk: Talk, since: datetime) -> Iterator[Job]:
    for one in _listed(talk, {}):
        made = moment(one.get("created_at"))
        if made is not None and made < since - _SKEW:
            return  # The list runs from new to old.
        job = job_of(one, provider=NAME)
        if job is not None and marks(one)[0] is None:
            yield job


def _is_of(job: Job, spec: JobSpec, key: str, *, unmarked: bool) -> bool:
    if job.training_file is None or job.training_file.id != spec.training_file.id:
        return False
    if mark(key) in (spec.training_file.name or ""):
        return True  # One upload is made for one intent.
    if not unmarked:
        return False  # With a mark it would have been found by it: it is somebody else's.
    same_model = job.model == spec.model or job.model.startswith(f"{spec.model}-")
    ours = spec.validation_file.id if spec.validation_file else None
    theirs = job.validation_file.id if job.validation_file else None
    same_seed = spec.seed is None or job.seed is None or job.seed == spec.seed
    same_words = spec.suffix is None or job.suffix in (None, spec.suffix)
    return same_model and ours == theirs and same_seed and same_words and _same_way(job, spec)


def _same_way(job: Job, spec: JobSpec) -> bool:
    if job.method is None:
        return True
    said = spec.method.given() & job.method.given()
    return job.method.name == spec.method.name and all(
        getattr(job.method, name) == getattr(spec.method, name) for name in said
    )


def _listed(talk: Talk, query: dict[str, str]) -> Iterator[Table]:
    cursor: str | None = None
    seen: set[str | None] = set()
    while cursor not in seen and len(seen) < _MOST_PAGES:
        seen.add(cursor)
        answer = talk.ask(page(JOBS, _PAGE, cursor, **query))
        found = page_of(answer, lambda one: one, limit=_PAGE, cursor=cursor, provider=NAME)
        yield from found.items
        if found.next_cursor is None:
            break
        cursor = found.next_cursor
    else:
        raise _endless()
    if not found.items and answer.get("has_more") is True:
        raise _endless()


def _endless() -> ResponseDecodeError:
    # Where the list cannot be read to its end, nobody can say that a job is not in it.
    return ResponseDecodeError(f"{NAME}: the list of jobs does not end", provider=NAME)
