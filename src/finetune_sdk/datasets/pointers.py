"""JSON pointers (RFC 6901), followed into a row."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, cast

from finetune_sdk.datasets.faults import clean
from finetune_sdk.datasets.read import Row

# RFC 6901 section 4: no needless zero. No list has as many members as the longest could say.
_INDEX = re.compile(r"(0|[1-9][0-9]{0,17})", re.ASCII).fullmatch


class Reached(NamedTuple):
    """How far a pointer leads.

    Attributes:
        pointer: the part of it that is there.
        value: what is there.
        whole: the pointer leads to its end.
    """

    pointer: str
    value: object
    whole: bool


def follow(row: Row, pointer: str) -> Reached:
    """Goes as far as the row allows."""
    at, value = "", cast("object", row)
    for token in pointer.split("/")[1:]:
        found = _below(value, token)
        if not found:
            return Reached(at, value, whole=False)
        at, value = f"{at}/{token}", found[0]
    return Reached(at, value, whole=True)


def _below(value: object, token: str) -> Sequence[object]:
    """What is under the token, or nothing."""
    if isinstance(value, dict):
        return _member(cast("Row", value), token.replace("~1", "/").replace("~0", "~"))
    if isinstance(value, list) and _INDEX(token):
        items = cast("list[object]", value)
        return items[int(token) : int(token) + 1]
    return ()


def _member(row: Row, key: str) -> Sequence[object]:
    if key in row:
        return (row[key],)
    # Pointers are shown with escapes for what cannot be encoded.
    return [value for name, value in row.items() if clean(name) == key][:1]
