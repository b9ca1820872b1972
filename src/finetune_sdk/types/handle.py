"""`azure-eu:ftjob-1`: the short string by which any process finds a job again."""

from __future__ import annotations

import re
from typing import NamedTuple

# Ids come into paths and URLs: a strict alphabet, and no leading dot, so that none can climb.
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_OWNER = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


class Handle(NamedTuple):
    """A profile's (or provider's) name, where given, and an id."""

    owner: str | None
    id: str


def is_id(text: str) -> bool:
    """Whether it is an id that may stand in a handle, a path or a URL."""
    return _ID.fullmatch(text) is not None


def parse_handle(text: str) -> Handle:
    """Takes `owner:id` or a bare id apart.

    Raises:
        ValueError: it is neither.
    """
    owner, colon, name = text.rpartition(":")
    if not _ID.fullmatch(name) or (colon and not _OWNER.fullmatch(owner)):
        shown = text if len(text) <= 80 else text[:77] + "..."
        raise ValueError(
            f"{shown!r} is neither an id nor a handle; a handle reads `profile:id`, "
            "letters, digits, `.`, `_` and `-`"
        )
    return Handle(owner if colon else None, name)
