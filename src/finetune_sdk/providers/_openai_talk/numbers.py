"""The numbers of a job: of its events while it runs, of its result file once it has one."""

from __future__ import annotations

from collections.abc import Iterator

from finetune_sdk.errors import NotFoundError
from finetune_sdk.providers._openai_talk import Talk
from finetune_sdk.providers._openai_wire.events import metrics_of
from finetune_sdk.providers._openai_wire.pages import page_of
from finetune_sdk.providers._openai_wire.requests import JOBS, page, read, segment
from finetune_sdk.providers._openai_wire.results import metrics_of_file
from finetune_sdk.providers._openai_wire.values import Table, texts
from finetune_sdk.types import Metric

_PAGE = 100
_MOST_PAGES = 5000


def metrics(talk: Talk, job_id: str) -> list[Metric]:
    """All numbers, oldest first."""
    job = talk.ask(read(f"{JOBS}/{segment(job_id)}"))
    found = _of_file(talk, job) or list(_of_events(talk, job_id))
    # The sort is stable: the numbers of one step stay as they came.
    return sorted(found, key=lambda one: one.step)


def _of_file(talk: Talk, job: Table) -> list[Metric]:
    name = next(texts(job.get("result_files")), None)
    if name is None:
        return []
    try:
        body = talk.read(read(f"/files/{segment(name)}/content"))
    except NotFoundError:
        return []  # Somebody has deleted it; the events say the same.
    return list(metrics_of_file(body, provider=talk.provider))


def _of_events(talk: Talk, job_id: str) -> Iterator[Metric]:
    place = f"{JOBS}/{segment(job_id)}/events"
    cursor: str | None = None
    seen: set[str | None] = set()
    while cursor not in seen and len(seen) < _MOST_PAGES:
        seen.add(cursor)
        answer = talk.ask(page(place, _PAGE, cursor))
        found = page_of(answer, lambda one: one, limit=_PAGE, cursor=cursor, provider=talk.provider)
        for event in found.items:
            yield from metrics_of(event)
        if found.next_cursor is None:
            return
        cursor = found.next_cursor
