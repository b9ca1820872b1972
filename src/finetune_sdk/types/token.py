"""What a model reads of a row."""

from __future__ import annotations

from finetune_sdk.types._base import Value


class TokenPiece(Value):
    """A token of a row, as it is learned.

    Attributes:
        text: what it adds to the text. Of a character that several tokens write, the last one has
            it and the others are empty.
        learned: it carries loss.
    """

    text: str
    learned: bool
