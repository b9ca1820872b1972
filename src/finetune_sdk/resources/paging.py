"""Lists that fetch their pages as they go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from finetune_sdk.errors import ConfigurationError, ResponseDecodeError
from finetune_sdk.resources.context import Context
from finetune_sdk.resources.plain import is_a
from finetune_sdk.resources.steps import Emit, Steps, ask
from finetune_sdk.types import Page

T = TypeVar("T")

PAGE_SIZE = 100
Fetch = Callable[[int, str | None], Page[T]]


def pages(context: Context, fetch: Fetch[T], *, limit: int | None = None) -> Steps[T, None]:
    """Hands out every item, page after page, up to `limit` items.

    Raises:
        ResponseDecodeError: the provider gives the same cursor twice: its list would never end.
    """
    if limit is not None and not (is_a(limit, int) and limit >= 1):
        raise ConfigurationError(f"`limit` is {limit!r}; it must be 1 or more, or None for all")
    left = limit
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        size = PAGE_SIZE if left is None else min(left, PAGE_SIZE)
        page = yield from ask(partial(context.call, partial(fetch, size, cursor)))
        for item in page.items[:left]:
            yield Emit(item)
        left = None if left is None else left - len(page.items)
        cursor = page.next_cursor
        if cursor is None or (left is not None and left <= 0):
            return
        if cursor in seen:
            raise ResponseDecodeError(
                f"the list of {context.owner!r} does not end: the cursor {cursor!r} came twice",
                provider=context.opened.name,
                retryable=False,
            )
        seen.add(cursor)
