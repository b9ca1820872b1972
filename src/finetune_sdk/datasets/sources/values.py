"""JSON: a list of rows, or rows one after another, over as many lines as they like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.lines import Line
from finetune_sdk.datasets.read import MARK
from finetune_sdk.datasets.sources.cutter import Cutter
from finetune_sdk.datasets.sources.unpack import CHUNK, head_fault, unpacked

_VALUE = b"value"

# Where one is: before everything, among rows without a list, after a list's `[`, after a comma,
# after a row of a list, after the list, and after a row that had no end.
_START, _STREAM, _OPEN, _COMMA, _ROW, _DONE, _LOST = range(7)

_STEPS: Mapping[tuple[int, bytes], tuple[int, str]] = MappingProxyType(
    {
        (_START, b"["): (_OPEN, ""),
        (_START, _VALUE): (_STREAM, ""),
        (_STREAM, _VALUE): (_STREAM, ""),
        (_OPEN, _VALUE): (_ROW, ""),
        (_OPEN, b"]"): (_DONE, ""),
        (_ROW, b","): (_COMMA, ""),
        (_ROW, b"]"): (_DONE, ""),
        (_ROW, _VALUE): (_ROW, "there is no comma before this row"),
        (_COMMA, _VALUE): (_ROW, ""),
        (_COMMA, b"]"): (_DONE, "a comma follows the last row of the list"),
        (_DONE, _VALUE): (_STREAM, "there is more after the list's end"),
        (_LOST, _VALUE): (_LOST, ""),
        (_LOST, b","): (_LOST, ""),
        (_LOST, b"]"): (_LOST, ""),
        (_LOST, b"}"): (_LOST, ""),
    }
)


@dataclass(frozen=True)
class ValueLines:
    """Rows of a JSON file, each with the number of the line where it begins.

    Attributes:
        chunk: bytes that are read at once.
    """

    path: Path
    chunk: int = CHUNK

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        """Raises:
        DatasetError: the file cannot be read, or is damaged.
        """
        with unpacked(self.path) as file:
            cutter = Cutter(file.read1, self.chunk)
            head = cutter.begins_with(4)
            if fault := head_fault(head):
                yield 1, fault
            elif head.startswith(MARK):
                cutter.skip(len(MARK))
                yield from _marked(_rows(cutter))
            else:
                yield from _rows(cutter)


def _marked(rows: Iterator[tuple[int, Line]]) -> Iterator[tuple[int, Line]]:
    """The byte order mark belongs to the first row: that is where it is found."""
    for number, line in rows:
        yield number, line if isinstance(line, Fault) else MARK + line
        break
    yield from rows


def _rows(cutter: Cutter) -> Iterator[tuple[int, Line]]:
    state, line = _START, 1
    while byte := cutter.peek():
        line = cutter.line
        kind = _kind(byte, state)
        state, odd = _STEPS.get((state, kind)) or (state, f"{byte.decode()!r} is out of place")
        if odd:
            yield line, Fault("not_json", "", odd)
        if kind == _VALUE:
            yield line, cutter.value()
            state = _LOST if cutter.lost else state
        else:
            cutter.skip()
    if state in (_OPEN, _COMMA, _ROW):
        yield line, Fault("not_json", "", "the file ends before the list of rows does")


def _kind(byte: bytes, state: int) -> bytes:
    opens = byte == b"[" and state == _START
    return byte if opens or byte in b",]}" else _VALUE
