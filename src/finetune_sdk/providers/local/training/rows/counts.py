"""What a row has of tokens, whatever its method."""

from __future__ import annotations

from typing import NamedTuple


class Count(NamedTuple):
    """The tokens of one row.

    Attributes:
        line: the row's line in its file, from 1.
        total: of the prompt and of all that is answered to it.
        trained: those that carry loss; None where the model writes them itself.
        text: of the longest text that is computed for the row.
    """

    line: int
    total: int
    trained: int | None
    text: int
