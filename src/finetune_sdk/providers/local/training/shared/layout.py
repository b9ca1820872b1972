"""Where the tokens of a batch go when rows that begin alike share their beginning. Pure.

The rows, sorted, are a tree: each shares with the one before it as much as with any before that.
So the tokens lie in one sequence, row after row, each row's own part alone:

    system prompt | question A | answer 1 | answer 2 | question B | answer

and a row is read by following its cells, which lie before its own part and in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """What a row adds to the sequence.

    Attributes:
        own: cells that it adds; they lie together.
        path: the cells of the whole row; its own are the last ones.
    """

    own: int
    path: Sequence[int]


@dataclass(frozen=True)
class Layout:
    """One sequence for all rows.

    Attributes:
        tokens: one for each cell.
        positions: the place of each cell in its row, from 0.
        parts: of the rows that add something, in the order of their cells.
        rows: the cells of each row, in the order in which the rows were given.
    """

    tokens: Sequence[int]
    positions: Sequence[int]
    parts: Sequence[Part]
    rows: Sequence[Sequence[int]]


def lay(rows: Sequence[list[int]]) -> Layout:
    """Lays rows into one sequence.

    Args:
        rows: the tokens of each, without padding.
    """
    tokens: list[int] = []
    positions: list[int] = []
    parts: list[Part] = []
    paths: dict[int, list[int]] = {}
    before: list[int] = []
    path: list[int] = []
    for number, row in sorted(enumerate(rows), key=lambda pair: pair[1]):
        shared = _alike(before, row)
        path = [*path[:shared], *range(len(tokens), len(tokens) + len(row) - shared)]
        tokens += row[shared:]
        positions += range(shared, len(row))
        if len(row) > shared:
            parts.append(Part(len(row) - shared, path))
        paths[number], before = path, row
    return Layout(tokens, positions, parts, [paths[number] for number in range(len(rows))])


def _alike(one: Sequence[int], other: Sequence[int]) -> int:
    """Tokens that two rows begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))
