"""Remembers every row by eight bytes, in flat memory: to find what comes twice.

Two different rows have the same mark by chance once in 2**64; among ten million rows one such pair
is found with a chance of 3 in a million.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from tempfile import SpooledTemporaryFile

_BITS = (1 << 64) - 1
_CHUNK = 1 << 14
_AT_ONCE = 1 << 15
"""Marks that are looked at together: some megabytes of Python's numbers."""

_IN_MEMORY = 1 << 20
"""Bytes of marks that are kept in memory; more are kept in a temporary file."""


class Marks:
    """The rows of a dataset, each by its mark and its line."""

    def __init__(self) -> None:
        self._marks, self._lines = array("Q"), array("Q")
        self._file: SpooledTemporaryFile[bytes] | None = None
        self._chunks: list[int] = []

    def extend(self, lines: Iterable[int], marks: Iterable[int]) -> None:
        """Remembers some rows; of each mark 64 bits count."""
        self._marks.extend([mark & _BITS for mark in marks])
        self._lines.extend(lines)
        if len(self._marks) >= _CHUNK:
            self._flush()

    def repeats(self) -> Iterator[tuple[int, int]]:
        """The lines of rows that came before, each with the line of the first one."""
        for part, parts in self._parts():
            first: dict[int, int] = {}
            for mark, line in self:
                if mark % parts != part:
                    continue
                if mark in first:
                    yield line, first[mark]
                else:
                    first[mark] = line

    def shared(self, other: Marks) -> Iterator[tuple[int, int]]:
        """The lines of rows that stand in `other` too, each with the line there."""
        for part, parts in other._parts():
            there: dict[int, int] = {}
            for mark, line in other:
                if mark % parts == part:
                    there.setdefault(mark, line)
            yield from ((line, there[mark]) for mark, line in self if mark in there)

    def close(self) -> None:
        """Gives the temporary file back."""
        if self._file is not None:
            self._file.close()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if self._file is not None:
            self._file.seek(0)
            for count in self._chunks:
                yield from zip(self._read(count), self._read(count), strict=True)
        yield from zip(self._marks, self._lines, strict=True)

    def _parts(self) -> Iterator[tuple[int, int]]:
        total = sum(self._chunks) + len(self._marks)
        parts = -(-total // _AT_ONCE) or 1
        return ((part, parts) for part in range(parts))

    def _flush(self) -> None:
        if self._file is None:
            self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - see `close`
        for numbers in (self._marks, self._lines):
            self._file.write(numbers.tobytes())
        self._chunks.append(len(self._marks))
        self._marks, self._lines = array("Q"), array("Q")

    def _read(self, count: int) -> array[int]:
        numbers = array("Q")
        if self._file is not None:
            numbers.frombytes(self._file.read(count * numbers.itemsize))
        return numbers
