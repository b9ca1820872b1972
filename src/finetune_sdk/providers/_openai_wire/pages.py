"""Lists: a page, and whether there is another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from finetune_sdk.errors import ResponseDecodeError
from finetune_sdk.providers._openai_wire.values import Table, rows, text
from finetune_sdk.types import Page

T = TypeVar("T")


def page_of(
    answer: Table,
    read: Callable[[Table], T | None],
    *,
    limit: int,
    cursor: str | None,
    provider: str,
) -> Page[T]:
    """One page of a list.

    A server that passes over `after` gives the same page for ever: what stands up to and with the
    item that the cursor names was given already, and a page without anything new is the last.

    Args:
        answer: of the server.
        read: makes an item; None passes it over.
        limit: what was asked for.
        cursor: what was asked to come after.
        provider: its name, for errors.

    Raises:
        ResponseDecodeError: it is no list: that nothing is listed cannot be told by it.
    """
    if not isinstance(answer.get("data"), list):
        raise ResponseDecodeError(
            f"{provider}: the answer is no list, it has the keys {sorted(answer)[:5]}",
            provider=provider,
        )
    found = rows(answer.get("data"))
    new = _after(found, cursor)
    items = tuple(item for one in new if (item := read(one)) is not None)
    ids = (text(one.get("id")) for one in reversed(new))
    last = next(filter(None, ids), None)
    return Page(items, last if _more(answer, len(found), limit) else None)


def _after(found: Sequence[Table], cursor: str | None) -> Sequence[Table]:
    places = [n for n, one in enumerate(found) if cursor is not None and one.get("id") == cursor]
    return found[places[-1] + 1 :] if places else found


def _more(answer: Table, count: int, limit: int) -> bool:
    said = answer.get("has_more")
    # A server that does not say is asked on while its pages are full.
    return said if isinstance(said, bool) else count >= limit
