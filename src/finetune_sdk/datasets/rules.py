"""What a check holds rows against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Content = Literal["text", "image", "tools"]


@dataclass(frozen=True, kw_only=True)
class RowRules:
    """What the rows are for.

    Attributes:
        content: what a message may hold; text always may be there.
        min_rows: fewer rows are an error.
        validation: the rows are measured on, not learned from.
    """

    content: frozenset[Content] = frozenset({"text"})
    min_rows: int = 1
    validation: bool = False

    @property
    def purpose(self) -> str:
        """What is done with an assistant's turn, for messages."""
        return "measure" if self.validation else "learn from"
