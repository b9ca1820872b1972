"""What each scorer is turned into before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Given:
    """An answer and the row that asked for it.

    Attributes:
        answer: what was answered.
        expected: what the row has; None where it has none.
        row: as it stands in the file.
        line: of the file, from 1; None where it is not known.
    """

    answer: str
    expected: str | None
    row: Mapping[str, object]
    line: int | None = None

    @property
    def place(self) -> str:
        """Where the row stands, for messages."""
        return "a row" if self.line is None else f"line {self.line}"


class Part(Protocol):
    """One scorer."""

    @property
    def measures(self) -> tuple[str, ...]:
        """What it measures, in order."""
        ...

    def scores(self, given: Given) -> dict[str, float]:
        """By measure; one that cannot be told of this row is missing."""
        ...
