"""Lists by the page, and what a fault does to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from tests.standins.openai.wire import Json, Refusal

Query = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Lens:
    """How a list is seen: as it is, unless a fault bends it.

    Attributes:
        lag: jobs younger than so many seconds are not in it.
        any_metadata: the filter by metadata does nothing.
        endless: `after` does nothing, and there is always more.
    """

    lag: float = 0.0
    any_metadata: bool = False
    endless: bool = False


@dataclass(frozen=True, slots=True)
class Rows:
    """What is listed: a row is made when it is on the page."""

    count: int
    row: Callable[[int], Json]
    find: Callable[[str], int | None]


class Identified(Protocol):
    @property
    def id(self) -> str: ...


Item = TypeVar("Item", bound=Identified)


def rows(items: Sequence[Item], view: Callable[[Item], Json]) -> Rows:
    """Rows of things that lie in a sequence."""

    def find(wanted: str) -> int | None:
        return next((at for at, item in enumerate(items) if item.id == wanted), None)

    return Rows(len(items), lambda at: view(items[at]), find)


def page(listed: Rows, query: Query, lens: Lens, *, usual: int = 20, most: int = 100) -> Json:
    """One page, as the vendor answers it."""
    start = 0 if lens.endless else _start(listed, query)
    end = min(start + _limit(query, usual, most), listed.count)
    data = [listed.row(at) for at in range(start, end)]
    return {"object": "list", "data": data, "has_more": lens.endless or end < listed.count}


def bounded(found: Json) -> Json:
    """A page that names its first and its last row."""
    ids = [row["id"] for row in found["data"]] or [None]
    return {**found, "first_id": ids[0], "last_id": ids[-1]}


def one(query: Query, name: str) -> str | None:
    """The value of a parameter."""
    return query[name][-1] if query.get(name) else None


def _start(listed: Rows, query: Query) -> int:
    after = one(query, "after")
    if after is None:
        return 0
    place = listed.find(after)
    if place is None:
        raise Refusal(400, f"Invalid 'after': no object with id '{after}' found.", param="after")
    return place + 1


def _limit(query: Query, usual: int, most: int) -> int:
    text = one(query, "limit")
    if text is None:
        return usual
    if not text.isdecimal() or int(text) < 1:
        message = f"Invalid 'limit': expected an integer above 0, but got '{text}' instead."
        raise Refusal(400, message, param="limit", code="invalid_type")
    return min(int(text), most)
