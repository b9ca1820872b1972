"""What counts tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Piece(NamedTuple):
    """Some text, and the number of tokens that it is.

    More than one where a character is cut through: bytes of one are no text.
    """

    text: str
    tokens: int


class Counter(Protocol):
    """Counts the tokens of texts.

    Attributes:
        name: the encoding's or the tokenizer's.
        exact: False where a token more or less is possible.
        note: what the numbers leave open; None where they leave nothing open.
    """

    @property
    def name(self) -> str: ...

    @property
    def exact(self) -> bool: ...

    @property
    def note(self) -> str | None: ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text. Many texts in one call are quicker than many calls."""
        ...

    def pieces(self, text: str) -> list[Piece]:
        """The text cut into its tokens; the cuts are for people to look at."""
        ...
