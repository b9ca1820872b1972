"""The events of a job, each once and in order, though providers repeat and shuffle them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from finetune_sdk.errors import ProviderError
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.paging import PAGE_SIZE
from finetune_sdk.resources.steps import Quiet, ask
from finetune_sdk.types import JobEvent, Page

_MOST_PAGES = 5000
"""Of one look: a list that never ends is taken up again at the next one."""

logger = logging.getLogger("finetune_sdk")


class EventFeed:
    """Remembers what was told; each look fetches only what is new."""

    def __init__(self, context: Context, job_id: str) -> None:
        self._context = context
        self._job_id = job_id
        self._told: set[str] = set()

    def new(self) -> Quiet[list[JobEvent]]:
        """Events that were not told yet, oldest first."""
        found: dict[str, JobEvent] = {}
        cursor: str | None = None
        seen: set[str | None] = set()
        while cursor not in seen and len(seen) < _MOST_PAGES:
            seen.add(cursor)
            page = yield from ask(partial(self._page, cursor))
            found |= {event.id: event for event in page.items if event.id not in self._told}
            # Pages run from new to old: one that ends with an old event has all that is new.
            if page.next_cursor is None or (page.items and page.items[-1].id in self._told):
                break
            cursor = page.next_cursor
        self._told |= found.keys()
        oldest_first = list(found.values())[::-1]
        # The sort is stable: events of one second keep the provider's order.
        return sorted(oldest_first, key=lambda event: event.created_at)

    def tell(self, callback: Callable[[JobEvent], None]) -> Quiet[None]:
        """Hands the new events to a caller's function; its failures do not stop the wait."""
        try:
            events = yield from self.new()
        except ProviderError as error:
            logger.debug("events of %s could not be read: %s", self._job_id, error)
            return
        for event in events:
            try:
                callback(event)
            except Exception:
                logger.exception("`on_event` raised on the event %s; waiting goes on", event.id)

    def _page(self, cursor: str | None) -> Page[JobEvent]:
        context = self._context
        return context.call(
            lambda: context.provider.list_events(self._job_id, limit=PAGE_SIZE, cursor=cursor)
        )
