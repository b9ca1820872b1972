"""Lines in handfuls, as large as pays and no larger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO

from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.lines import Block, Lines, TextLines

_BYTES = 64 * 1024
_LINES = 512


@dataclass(frozen=True, slots=True)
class Batch:
    """Some lines that can be read, and the one after them that cannot.

    Attributes:
        numbers: of the lines.
        data: their bytes, one after another, each on a line of its own.
        last: the number and the fault of the line after them.
    """

    numbers: Sequence[int]
    data: bytes
    last: tuple[int, Fault] | None = None
    _lines: Sequence[bytes] | None = None

    @property
    def gap(self) -> int:
        """Bytes between two lines in `data` that are no part of either."""
        return 0 if self._lines is None else 1

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """The lines that can be read."""
        return zip(self.numbers, self._lines or BytesIO(self.data), strict=True)


def batches(lines: Lines) -> Iterator[Batch]:
    """All lines, in their order.

    Raises:
        DatasetError: they cannot be read.
    """
    return map(_of_block, lines.blocks()) if isinstance(lines, TextLines) else _grouped(lines)


def _of_block(block: Block) -> Batch:
    end = block.start + block.count
    last = None if block.fault is None else (end, block.fault)
    return Batch(range(block.start, end), block.data, last)


def _grouped(lines: Lines) -> Iterator[Batch]:
    numbers: list[int] = []
    kept: list[bytes] = []
    size = 0
    for number, line in lines:
        if isinstance(line, Fault):
            yield _joined(numbers, kept, (number, line))
            numbers, kept, size = [], [], 0
            continue
        numbers.append(number)
        kept.append(line)
        size += len(line)
        if size >= _BYTES or len(kept) >= _LINES:
            yield _joined(numbers, kept, None)
            numbers, kept, size = [], [], 0
    if kept:
        yield _joined(numbers, kept, None)


def _joined(numbers: list[int], lines: list[bytes], last: tuple[int, Fault] | None) -> Batch:
    return Batch(numbers, b"\n".join(lines), last, lines)
