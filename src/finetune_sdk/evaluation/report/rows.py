"""Rows that are worth a look: those that got better, those that got worse, those that failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import JsonValue

from finetune_sdk.evaluation.report.words import tuned
from finetune_sdk.types.comparison import Answer, ComparedRow, Comparison

MOST = 20
"""Rows of a kind that a page shows."""

T = TypeVar("T")


@dataclass(frozen=True)
class Some(Generic[T]):
    """The first of many.

    Attributes:
        shown: at most `MOST`.
        every: how many there are.
    """

    shown: tuple[T, ...]
    every: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.every - len(self.shown)


@dataclass(frozen=True)
class Pair:
    """A row with the answers of the fine-tuned model and of another candidate.

    Attributes:
        change: what the fine-tuned model scores more.
    """

    line: int
    question: str
    expected: str | None
    expected_calls: str | None
    other: Answer
    tuned: Answer
    change: float


@dataclass(frozen=True)
class Failure:
    """A question without an answer."""

    line: int
    candidate: str
    error: str


def question(row: ComparedRow) -> str:
    """What the user said last; where no user spoke, what was said last."""
    asked = [message for message in row.messages if message.get("role") == "user"]
    last = (asked or row.messages)[-1:]
    return "\n".join(_text(message) for message in last)


def told(text: str | None, calls: str | None) -> str | None:
    """An answer in one cell: what it says, and below that what it calls."""
    return text if calls is None else "\n".join(filter(None, (text, calls)))


def ruler(comparison: Comparison, against: str) -> str | None:
    """The measure that rows are told apart by: the verdict's, where single rows have it."""
    mine = tuned(comparison).name
    graded = {
        measure
        for row in comparison.compared
        for measure in _graded(row, mine) & _graded(row, against)
    }
    wanted = (comparison.measure, *comparison.measures)
    return next((measure for measure in wanted if measure in graded), None)


def changed(comparison: Comparison, against: str, measure: str) -> tuple[Some[Pair], Some[Pair]]:
    """The rows that got better and those that got worse, the largest changes first."""
    pairs = list(_pairs(comparison, against, measure))
    better = sorted((pair for pair in pairs if pair.change > 0), key=_by_size)
    worse = sorted((pair for pair in pairs if pair.change < 0), key=_by_size)
    return some(better), some(worse)


def failures(comparison: Comparison) -> Some[Failure]:
    """Questions without an answer, in the order of the rows."""
    return some(
        [
            Failure(row.line, name, answer.error or "no reason was told")
            for row in comparison.compared
            for name, answer in row.answers.items()
            if answer.text is None
        ]
    )


def some(things: list[T] | tuple[T, ...]) -> Some[T]:
    """The first of them."""
    return Some(tuple(things[:MOST]), len(things))


def _graded(row: ComparedRow, name: str) -> set[str]:
    answer = row.answers.get(name)
    return set(answer.scores) if answer else set()


def _pairs(comparison: Comparison, against: str, measure: str) -> Iterator[Pair]:
    mine = tuned(comparison).name
    for row in comparison.compared:
        if measure in _graded(row, mine) & _graded(row, against):
            here, there = row.answers[mine], row.answers[against]
            change = here.scores[measure] - there.scores[measure]
            yield Pair(
                row.line, question(row), row.expected, row.expected_calls, there, here, change
            )


def _by_size(pair: Pair) -> tuple[float, int]:
    return -abs(pair.change), pair.line


def _text(message: Mapping[str, JsonValue]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(_part(part) for part in content)
    return content if isinstance(content, str) else ""


def _part(part: JsonValue) -> str:
    if isinstance(part, dict):
        text = part.get("text")
        return text if isinstance(text, str) else f"[{part.get('type', 'something')}]"
    return str(part)
