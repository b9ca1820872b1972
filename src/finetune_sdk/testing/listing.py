"""Pages of a list that is all in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from finetune_sdk.types import Page

T = TypeVar("T")


def page_of(items: Sequence[T], limit: int, cursor: str | None) -> Page[T]:
    """A page of a list that is all in memory; the cursor is a position."""
    start = int(cursor or 0)
    end = start + limit
    return Page(tuple(items[start:end]), str(end) if end < len(items) else None)
