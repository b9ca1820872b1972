"""What must not stand in a text: control tokens, keys, card numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from finetune_sdk.datasets.faults import Fault, shown, step
from finetune_sdk.datasets.read import Row
from finetune_sdk.transport import KEYS

# Every family of models writes its control tokens so; OpenAI's own are among them. Linear: each
# repeat is bounded, and none is inside of another that begins alike.
_SPECIAL = re.compile(r"<\|[A-Za-z0-9_]{1,40}\|>")
_KEYS = tuple((name, re.compile(shape)) for name, shape in KEYS.items())
# A part of each of them: most texts have none, and are spared the search for each.
_HINTS = ("k-", "_live_", "hf_", "gh", "github_", "KIA", "SIA", "AIza", "xox", "eyJ", "KEY---")
# Unbroken, or in the groups that are printed on cards: fours, or four, six and five. Other digits
# between blanks are a table of numbers. A group more may be a date, and is tried without.
_CARD = re.compile(
    r"(?<![0-9])(?:[3-6][0-9]{12,18}"
    r"|[3-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,4}(?:\1[0-9]{1,3})?"
    r"|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{5}(?:\2[0-9]{1,3})?)(?![0-9])"
)
_FEWEST = 13


def text_faults(row: Row) -> Iterator[Fault]:
    """The hazards of all texts of a row."""
    for pointer, text in _texts(row):
        yield from _special(text, pointer)
        yield from _secrets(text, pointer)
        yield from _cards(text, pointer)


def _texts(row: Row) -> Iterator[tuple[str, str]]:
    """All texts with their places; that of a key is what holds it."""
    # With a stack of its own: a row may be nested as deep as Python allows.
    stack: list[tuple[str, object]] = [("", row)]
    while stack:
        pointer, value = stack.pop()
        if isinstance(value, str):
            yield pointer, value
        elif isinstance(value, dict):
            entries = cast("Row", value)
            yield from ((pointer, key) for key in entries)
            stack += [(step(pointer, key), entries[key]) for key in reversed(entries)]
        elif isinstance(value, list):
            items = cast("list[object]", value)
            stack += [(f"{pointer}/{i}", items[i]) for i in reversed(range(len(items)))]


def _special(text: str, pointer: str) -> Iterator[Fault]:
    if "<|" not in text:
        return
    for token in sorted(set(_SPECIAL.findall(text))):
        yield Fault("special_token", pointer, f"the text holds the control token {shown(token)}")


def _secrets(text: str, pointer: str) -> Iterator[Fault]:
    if not any(hint in text for hint in _HINTS):
        return
    for name, shape in _KEYS:
        if found := shape.search(text):
            length = found.end() - found.start()
            words = f"the text holds what looks like {name}, {length} characters long"
            yield Fault("secret_in_text", pointer, words)


def _cards(text: str, pointer: str) -> Iterator[Fault]:
    for found in _CARD.finditer(text):
        if count := _card_digits(found.group()):
            words = f"the text holds {count} digits that may be a payment card's"
            yield Fault("card_number", pointer, words)
            return


def _card_digits(text: str) -> int:
    """How many digits a card's number has that begins here; what follows it may be a date."""
    while len(digits := re.sub("[ -]", "", text)) >= _FEWEST:
        if _luhn(digits):
            return len(digits)
        text = text[: max(text.rfind(" "), text.rfind("-"), 0)]
    return 0


def _luhn(digits: str) -> bool:
    """Luhn's checksum (ISO/IEC 7812-1, annex B): every second digit from the right is doubled."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0
