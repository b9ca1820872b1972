"""Who may speak after whom: letters for the speakers, s(ystem), u(ser), a(ssistant), t(ool)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LETTERS = {"system": "s", "developer": "s", "user": "u", "assistant": "a", "tool": "t"}

# Instructions at the start, the user and the assistant in turn; tools answer between calls.
_IN_ORDER = re.compile(r"s?(?:u(?:at++)*+a)*+(?:u(?:at++)*+)?\Z")
"""Linear: what a repeat has taken it never gives back."""


def letter(role: str) -> str:
    """The letter of a role that is known."""
    return _LETTERS[role]


def in_order(letters: str) -> bool:
    """Nobody speaks twice, the user begins, and instructions come first."""
    return _IN_ORDER.match(letters) is not None


def out_of_turn(letters: str) -> Iterator[int]:
    """Places of messages that break the turns of user and assistant; instructions are left out."""
    before = ""
    for place, now in enumerate(letters):
        if now == "s":
            continue
        if (now == before and now in "ua") or (now == "a" and not before):
            yield place
        before = now
