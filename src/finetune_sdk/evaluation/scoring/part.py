"""What each scorer is turned into before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Given:
    """An answer and the row that asked for it.

    Attributes:
        answer: what was answered; the calls of tools as JSON, where it says nothing else.
        expected: what the row has, likewise; None where it has none.
        calls: of tools in the answer, as JSON; None where there are none.
        expected_calls: that the row has.
        row: as it stands in the file.
        line: of the file, from 1; None where it is not known.
    """

    answer: str
    expected: str | None
    row: Mapping[str, object]
    calls: str | None = None
    expected_calls: str | None = None
    line: int | None = None

    @property
    def compared(self) -> tuple[str | None, str | None]:
        """What is held against what: calls where calls are expected, else texts.

        The answer's is None where it does the other of the two.
        """
        if self.expected_calls is not None:
            return self.calls, self.expected_calls
        return None if self.strays else self.answer, self.expected

    @property
    def strays(self) -> bool:
        """It calls where nothing is to be called."""
        return self.calls is not None and self.expected_calls is None

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
