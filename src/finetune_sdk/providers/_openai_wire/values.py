"""Reading values that may be anything: a server may be wrong, old, new or hostile."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import cast

import msgspec

Table = Mapping[str, object]

LONG_AGO = datetime.fromtimestamp(0, UTC)
"""The day of what has to have one and says none."""

LONGEST_TEXT = 4000
"""Characters of a text from outside that go into a message of ours."""

_NONE: Table = {}
_DEEPEST = 100


def parse_object(body: bytes) -> Table | None:
    """The JSON object of an answer; None where it is none."""
    try:
        value: object = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return cast("Table", value) if isinstance(value, dict) else None


def encode(value: Table) -> bytes:
    """A JSON object as bytes, without escapes that need not be."""
    return msgspec.json.encode(value)


def shown(body: bytes) -> str:
    """The beginning of an answer, for messages."""
    return repr(body[:120].decode("utf-8", "replace")) if body else "nothing at all"


def table(value: object) -> Table:
    """A mapping; an empty one where it is none."""
    return cast("Table", value) if isinstance(value, dict) else _NONE


def deep(value: object) -> bool:
    """It is nested deeper than our own types hold (pydantic ends at about 250)."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level for inner in _inside(one)]
        if not level:
            return False
    return True


def _inside(value: object) -> Sequence[object]:
    if isinstance(value, dict):
        return list(cast("Table", value).values())
    return cast("list[object]", value) if isinstance(value, list) else ()


def rows(value: object) -> Sequence[Table]:
    """The mappings of a list; what is no mapping is passed over."""
    if not isinstance(value, list):
        return ()
    return [cast("Table", one) for one in cast("list[object]", value) if isinstance(one, dict)]


def text(value: object) -> str | None:
    """A text that is not empty; None where it is none. What is too long is cut."""
    if not isinstance(value, str) or not value:
        return None
    return value if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT] + "..."


def texts(value: object) -> Iterator[str]:
    """The texts of a list; what is none is passed over."""
    if isinstance(value, list):
        for one in cast("list[object]", value):
            if found := text(one):
                yield found


def whole(value: object) -> int | None:
    """A whole number from 0 on; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        return None
    return value


def number(value: object) -> float | None:
    """A finite number; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def moment(value: object) -> datetime | None:
    """Seconds since 1970 as a moment; None where it is none."""
    seconds = number(value)
    if seconds is None or seconds <= 0:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
