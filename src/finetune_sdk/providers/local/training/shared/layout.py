"""Where the tokens of a batch go when rows that begin alike share their beginning. Pure.

The rows, sorted, are a tree: each shares with the one before it as much as with any before that.
So the tokens lie in one sequence, row after row, each row's own part alone:

    system prompt | question A | answer 1 | answer 2 | question B | answer

and a row is read by following its cells, which lie before and in its own part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """What a row adds to the sequence.

    Attributes:
        own: cells that it adds; they lie together.
        path: the cells of the whole row, up to the last one that it adds.
    """

    own: int
    path: Numbers


@dataclass(frozen=True)
class Layout:
    """One sequence for all rows.

    Attributes:
        tokens: one for each cell.
        positions: the place of each cell in its row, from 0.
        parts: of the rows that add something, in the order of their cells.
        rows: the cells of each row, as the rows were given.
    """

    tokens: Numbers
    positions: Numbers
    parts: tuple[Part, ...]
    rows: tuple[Numbers, ...]


def lay(rows: Sequence[Numbers]) -> Layout:
    """Lays rows into one sequence.

    Args:
        rows: the tokens of each, without padding.
    """
    paths: dict[int, Numbers] = {}
    parts: list[Part] = []
    before, count = -1, 0
    for row in sorted(range(len(rows)), key=lambda row: rows[row].tolist()):
        shared = _alike(rows[before], rows[row]) if before >= 0 else 0
        own = len(rows[row]) - shared
        known = paths[before][:shared] if before >= 0 else np.empty(0, np.int64)
        paths[row] = np.concatenate([known, np.arange(count, count + own)])
        if own:
            parts.append(Part(own, paths[row]))
        before, count = row, count + own
    return _joined(rows, paths, parts)


def _alike(one: Numbers, other: Numbers) -> int:
    """Tokens that two rows begin with alike."""
    shorter = min(len(one), len(other))
    unlike = np.flatnonzero(one[:shorter] != other[:shorter])
    return int(unlike[0]) if len(unlike) else shorter


def _joined(rows: Sequence[Numbers], paths: dict[int, Numbers], parts: Sequence[Part]) -> Layout:
    tokens = np.empty(sum(part.own for part in parts), np.int64)
    positions = np.empty_like(tokens)
    for row, path in paths.items():
        tokens[path] = rows[row]
        positions[path] = np.arange(len(path))
    return Layout(tokens, positions, tuple(parts), tuple(paths[row] for row in range(len(rows))))
