"""The tokens of rows, summed up in memory that does not grow with them."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

from finetune_sdk.datasets.tokens.framing import Gap
from finetune_sdk.types.dataset import Bin, TokenReport

_BINS = 12
_ROUND = (1, 2, 5)
# With more than this between the shortest row and the longest, bins of one width tell little.
_WIDE = 16

_GAPS: Mapping[Gap, str] = MappingProxyType(
    {
        "tools": "have tools, counted as their JSON: how the model gets to see them is not "
        "published",
        "tool_calls": "have tool calls, counted as name and arguments: how the model writes them "
        "is not published",
        "images": "have images, which are not counted",
    }
)


class TokenTally:
    """Adds up the tokens of rows.

    Args:
        counter: the name of what counts them.
        exact: it counts exactly.
        note: what its numbers leave open.
        limit: tokens that the model reads of a row, where that is known.
    """

    def __init__(
        self,
        counter: str,
        *,
        exact: bool = True,
        note: str | None = None,
        limit: int | None = None,
    ) -> None:
        self._counter, self._exact, self._note, self._limit = counter, exact, note, limit
        self._rows: dict[int, int] = {}
        self._gaps: Counts[Gap] = Counts()
        self._trained: int | None = 0
        self._longest = self._longest_line = 0

    def add(self, line: int, total: int, trained: int | None, gaps: Collection[Gap] = ()) -> None:
        """One row.

        Args:
            line: where it stands, from 1.
            total: all its tokens.
            trained: those that carry loss; None where it is not known which do.
            gaps: what it holds that cannot be counted exactly.
        """
        self._rows[total] = self._rows.get(total, 0) + 1
        # Rows do not always come in their order.
        if (total, -line) > (self._longest, -self._longest_line):
            self._longest, self._longest_line = total, line
        if self._trained is not None:
            self._trained = None if trained is None else self._trained + trained
        if gaps:
            self._gaps.update(gaps)

    def report(self) -> TokenReport:
        """The sums so far. The median is a row's; of two in the middle, the shorter one's."""
        rows, limit = dict(sorted(self._rows.items())), self._limit
        # `longest` is above every row where there is no limit.
        cut = self._longest if limit is None else limit
        return TokenReport(
            counter=self._counter,
            exact=self._exact and not self._gaps,
            note="; ".join(self._notes()) or None,
            rows=sum(rows.values()),
            total=sum(tokens * count for tokens, count in rows.items()),
            trained=self._trained,
            longest=self._longest,
            longest_line=self._longest_line,
            median=_median(rows),
            limit=limit,
            over_limit=sum(count for tokens, count in rows.items() if tokens > cut),
            billable=sum(min(tokens, cut) * count for tokens, count in rows.items()),
            histogram=tuple(_histogram(rows)),
        )

    def _notes(self) -> Iterator[str]:
        if self._note:
            yield self._note
        yield from (
            f"{self._gaps[gap]} row(s) {text}" for gap, text in _GAPS.items() if self._gaps[gap]
        )


def _median(rows: Mapping[int, int]) -> int:
    left = (sum(rows.values()) + 1) // 2
    for tokens, count in rows.items():
        left -= count
        if left <= 0:
            return tokens
    return 0


def _histogram(rows: Mapping[int, int]) -> Iterator[Bin]:
    if not rows:
        return
    for low, above in pairwise(_edges(min(rows), max(rows))):
        count = sum(count for tokens, count in rows.items() if low <= tokens < above)
        yield Bin(low=low, high=above - 1, rows=count)


def _edges(shortest: int, longest: int) -> Iterable[int]:
    """Where bins begin, and the last one ends: at round numbers, or each twice as far out."""
    if longest >= _WIDE * max(shortest, 1):
        top = longest.bit_length()
        bottom = max(shortest.bit_length() - 1, top - _BINS + 1, 0)
        edges = [2**power for power in range(bottom, top + 1)]
        return edges if shortest >= edges[0] else [0, *edges]
    width = _width(longest - shortest + 1)
    start = shortest // width * width
    return range(start, longest + width + 1, width)


def _width(spread: int) -> int:
    scale = 1
    while True:
        for factor in _ROUND:
            if factor * scale * _BINS >= spread:
                return factor * scale
        scale *= 10
