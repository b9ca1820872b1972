"""Text of strangers, so that it shows what it is and steers nothing."""

from __future__ import annotations

import json
import re

LONGEST = 1500
"""Characters of one text that a page shows."""

# What steers a terminal, turns the reading direction, cannot be seen or is not allowed in XML.
# Joiners stay: whole scripts are written with them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufdd0-\ufdef"
    "\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with `\\u202e` in place of a character that hides or steers; line ends are one."""
    return _HIDDEN.sub(_named, text.replace("\r\n", "\n").replace("\r", "\n"))


def brief(text: str) -> str:
    """The text, visible, and not longer than a page can take."""
    # What is cut off is not looked at: an answer may have megabytes.
    shown = visible(text[: LONGEST + 1])
    if len(shown) <= LONGEST:
        return shown
    left = max(len(text) - LONGEST, 1)
    return f"{shown[:LONGEST]} … (cut here: about {left:,} more characters)"


def line(text: str) -> str:
    """The text, visible, on one line."""
    return " ".join(visible(text).split())


def as_json(document: object) -> str:
    """JSON in which a character that hides or steers is escaped.

    Half a surrogate pair, which no JSON can carry, is the replacement character.
    """
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return _HIDDEN.sub(_escaped, text)


def _named(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _escaped(found: re.Match[str]) -> str:
    if "\ud800" <= found[0] <= "\udfff":
        return "\\ufffd"
    return json.dumps(found[0])[1:-1] if not found[0].isascii() else _named(found)
