"""Pages of a list that is all in memory, and may change between two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

from finetune_sdk.types import Page

T = TypeVar("T")


def oldest_first(items: Iterable[tuple[int, T]], limit: int, cursor: str | None) -> Page[T]:
    """A page of a list whose items keep their numbers, whatever comes and goes.

    Args:
        items: with rising numbers.
        limit: of the page.
        cursor: the number of the last item that was handed out.
    """
    return _page(((n, one) for n, one in items if cursor is None or n > int(cursor)), limit)


def newest_first(items: Sequence[tuple[int, T]], limit: int, cursor: str | None) -> Page[T]:
    """The same from the other end."""
    back = reversed(items)
    return _page(((n, one) for n, one in back if cursor is None or n < int(cursor)), limit)


def _page(rest: Iterable[tuple[int, T]], limit: int) -> Page[T]:
    found = list(islice(rest, limit + 1))
    last = str(found[limit - 1][0]) if len(found) > limit else None
    return Page(tuple(one for _, one in found[:limit]), last)
