"""Characters that are letters to toktok, and nothing yet to tiktoken.

Both cut a text before they merge bytes, by what each character is. toktok 0.3 asks Unicode 17 of
2025, tiktoken 0.14 asks Unicode 16: what is new is a letter, a mark or a digit to the one, and to
the other no more than a symbol. All code points were compared, in thirty surroundings and both
encodings: these 4,699 count differently, and no others.

So each is replaced by a stand-in that is a symbol to both, of as many bytes, all the same but the
first: an unassigned character of planes 13 and 14, or one for private use. No token holds the
first byte of those from beyond the basic plane together with another byte, nor that of their
stand-ins, so they count the same. The 35 of the basic plane may be merged at the front, with a
space before them too; what comes after them is merged with their last byte alone. What they and
that space count by themselves, and their stand-ins, is the whole difference.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_BASIC = "\u088f\u0c5c\u0cdc\u1acf-\u1add\u1ae0-\u1aeb\ua7ce\ua7cf\ua7d2\ua7d4\ua7f1"
_BEYOND = (
    "\U00010940-\U00010959\U00010ec5-\U00010ec7\U00010efa\U00010efb\U00011b60-\U00011b67"
    "\U00011db0-\U00011ddb\U00011de0-\U00011de9\U00016ea0-\U00016eb8\U00016ebb-\U00016ed3"
    "\U00016ff2-\U00016ff6\U000187f8-\U000187ff\U00018d09-\U00018d1e\U00018d80-\U00018df2"
    "\U0001e6c0-\U0001e6de\U0001e6e0-\U0001e6f5\U0001e6fe\U0001e6ff\U0002b73a-\U0002b73f"
    "\U0002cea2-\U0002cead\U000323b0-\U00033479"
)
# Their first two bytes in UTF-8: those beyond the basic plane share the first with emoji, which
# have another second.
_BASIC_BYTES = (b"\xe0\xa2", b"\xe0\xb1", b"\xe0\xb3", b"\xe1\xab", b"\xea\x9f")
_BEYOND_BYTE, _EMOJI_BYTES = b"\xf0", b"\xf0\x9f"
_NEWER = re.compile(f"[{_BASIC}{_BEYOND}]")
_MERGED = re.compile(f" ?[{_BASIC}]")


def found(texts: Iterable[str]) -> bool:
    """One of the texts holds such a character."""
    wide = "".join(text for text in texts if not text.isascii())
    return _suspected(wide.encode()) and _NEWER.search(wide) is not None


def replaced(text: str) -> str:
    """The text with stand-ins, one for each such character."""
    return _NEWER.sub(_stand_in, text)


def merged(text: str) -> list[re.Match[str]]:
    """Where a stand-in may count otherwise than the character, with the space before it."""
    return list(_MERGED.finditer(text))


def _suspected(data: bytes) -> bool:
    # A search for one byte runs at the speed of memory, and spares nearly all that comes after.
    if data.count(_BEYOND_BYTE) > data.count(_EMOJI_BYTES):
        return True
    return any(pair[:1] in data and pair in data for pair in _BASIC_BYTES)


def _stand_in(match: re.Match[str]) -> str:
    code = ord(match[0])
    # Another first byte of UTF-8, EE or F3, and the others as they were.
    return chr(code + 0xC0000 if code > 0xFFFF else 0xE000 | code & 0xFFF)
