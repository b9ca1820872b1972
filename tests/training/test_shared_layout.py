"""Rows laid into one sequence, and read back from it."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from finetune_sdk.providers.local.training.shared.layout import lay

# Few words, so that rows begin alike, are the beginning of others, or are equal.
ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=8)


@given(ROWS)
@example([[1, 2, 0], [1, 2], [1, 2, 0], [0]])
def test_each_row_is_read_back_by_its_cells(rows: list[list[int]]) -> None:
    layout = lay(rows)
    for row, cells in zip(rows, layout.rows, strict=True):
        assert [layout.tokens[cell] for cell in cells] == row
        assert [layout.positions[cell] for cell in cells] == list(range(len(row)))
        assert list(cells) == sorted(cells)


@given(ROWS)
@example([[1], [1], [1]])
def test_nothing_is_computed_twice(rows: list[list[int]]) -> None:
    beginnings = {tuple(row[: end + 1]) for row in rows for end in range(len(row))}
    assert len(lay(rows).tokens) == len(beginnings)


@given(ROWS)
def test_each_cell_looks_at_its_own_row_and_no_further(rows: list[list[int]]) -> None:
    """What a part's path and the triangle over it let each cell see is the row up to there."""
    layout = lay(rows)
    seen: dict[int, list[int]] = {}
    for part in layout.parts:
        for place in range(len(part.path) - part.own, len(part.path)):
            seen[part.path[place]] = [layout.tokens[cell] for cell in part.path[: place + 1]]
    assert list(seen) == list(range(len(layout.tokens)))
    for row, cells in zip(rows, layout.rows, strict=True):
        assert [seen[cell] for cell in cells] == [row[: end + 1] for end in range(len(row))]


def test_a_row_without_tokens_takes_no_place() -> None:
    layout = lay([[], [1, 2]])
    assert [len(cells) for cells in layout.rows] == [0, 2]
    assert layout.tokens == [1, 2]
