"""Curves in a terminal: training rows as a line of braille dots, validation rows as circles."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from finetune_sdk.cli.panels import Panel, Point

ROWS = 8
_GUTTER = 10
_WIDEST = 100
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille sign: two dots wide, four high."""
_ASCII = str.maketrans({"┤": "|", "└": "+", "─": "-", "⠀": " "})


def drawn(panels: Sequence[Panel], *, columns: int, encoding: str) -> str:
    """The panels, one below the other.

    Args:
        panels: with a point each, at least.
        columns: of the terminal.
        encoding: of the terminal; where it has no braille, dots become asterisks.
    """
    text = "\n\n".join(_panel(panel, min(columns, _WIDEST) - _GUTTER) for panel in panels)
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return re.sub("[⠁-⣿]", "*", text.translate(_ASCII))
    return text


@dataclass
class _Canvas:
    """A grid of signs, and the range of what is drawn on it."""

    columns: int
    x: tuple[float, float]
    y: tuple[float, float]
    signs: dict[tuple[int, int], int] = field(default_factory=dict[tuple[int, int], int])
    circles: set[tuple[int, int]] = field(default_factory=set[tuple[int, int]])

    def line(self, points: Sequence[Point]) -> None:
        dots = [self._dot(point) for point in points]
        for x, y in dots[:1]:
            self._set(x, y)
        for (x0, y0), (x1, y1) in pairwise(dots):
            reach = max(abs(x1 - x0), abs(y1 - y0), 1)
            for n in range(1, reach + 1):
                self._set(x0 + (x1 - x0) * n // reach, y0 + (y1 - y0) * n // reach)

    def mark(self, points: Sequence[Point]) -> None:
        self.circles |= {(x // 2, y // 4) for x, y in map(self._dot, points)}

    def row(self, row: int) -> str:
        return "".join(self._sign(column, row) for column in range(self.columns)).rstrip("⠀")

    def _sign(self, column: int, row: int) -> str:
        if (column, row) in self.circles:
            return "o"
        return chr(0x2800 + self.signs.get((column, row), 0))

    def _set(self, x: int, y: int) -> None:
        cell = (x // 2, y // 4)
        self.signs[cell] = self.signs.get(cell, 0) | _DOTS[y % 4][x % 2]

    def _dot(self, point: Point) -> tuple[int, int]:
        x = _share(point[0], self.x) * (self.columns * 2 - 1)
        y = (1 - _share(point[1], self.y)) * (ROWS * 4 - 1)
        return round(x), round(y)


def _panel(panel: Panel, columns: int) -> str:
    steps = [step for step, _ in panel.every]
    values = [value for _, value in panel.every]
    low, high = min(values), max(values)
    canvas = _Canvas(max(columns, 10), (min(steps), max(steps)), (low, high))
    canvas.line(panel.points.get("train", []))
    canvas.mark(panel.points.get("validation", []))
    return "\n".join([_head(panel), *_body(canvas), *_foot(canvas)])


def _head(panel: Panel) -> str:
    if not panel.compared:
        return panel.title
    legend = {"train": "line: train", "validation": "o: validation"}
    shown = [words for split, words in legend.items() if split in panel.points]
    return f"{panel.title}    {', '.join(shown)}"


def _body(canvas: _Canvas) -> Iterator[str]:
    low, high = canvas.y
    labels = {0: high, ROWS - 1: low} if high > low else {ROWS // 2: low}
    for row in range(ROWS):
        label = f"{labels[row]:.4g}" if row in labels else ""
        yield f"{label:>{_GUTTER - 2}} ┤{canvas.row(row)}"


def _foot(canvas: _Canvas) -> Iterator[str]:
    first, last = (f"{step:g}" for step in canvas.x)
    middle = "step".center(canvas.columns - len(first) - len(last))
    blank = " " * (_GUTTER - 1)
    yield f"{blank}└{'─' * canvas.columns}"
    yield f"{blank} {first}{middle}{last if last != first else ''}".rstrip()


def _share(value: float, bounds: tuple[float, float]) -> float:
    low, high = bounds
    return (value - low) / (high - low) if high > low else 0.5
