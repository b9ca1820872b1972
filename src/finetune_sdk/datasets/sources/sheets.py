"""CSV and TSV: a header that names the keys, and one record a row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import BinaryIO

import msgspec

from finetune_sdk.datasets.faults import Fault, clean, shown
from finetune_sdk.datasets.lines import MAX_LINE, TOO_LONG, Line, split_lines
from finetune_sdk.datasets.read import MARK, line_of
from finetune_sdk.datasets.sources.unpack import unpacked

_FLAGS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "label": {"true": True, "false": False, "0": False, "1": True},
        "weight": {"true": True, "false": False, "0": 0, "1": 1},
    }
)
"""What cells of these columns stand for: KTO marks by truth, a weight is a number."""

_decode = msgspec.json.Decoder().decode

_Record = tuple[int, list[str] | Fault]

# The module's limit for a cell is one for the whole process, and too low for a conversation: it
# is raised while a record is read, and by one reader at a time, so that it is put back as it was.
_limit = Lock()


@dataclass(frozen=True)
class SheetLines:
    """Rows of a table as text, each with the number of the line where its record begins.

    The first record names the keys. A cell that is empty is a key that is not there. A cell that
    begins with `[` or `{` and is JSON is read as JSON; so is `true`, `false`, `0` or `1` (letters
    of any size) in a column called `label` or `weight`. All other cells are text.
    """

    path: Path
    delimiter: str

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        """Raises:
        DatasetError: the file cannot be read, or is damaged.
        """
        with unpacked(self.path) as file:
            records = _records(_Feed(file), self.delimiter)
            header = next(records, None)
            if header is not None:
                yield from _rows(header, records)


class _EndlessError(Exception):
    """A record is longer than a line may be."""


class _Feed:
    """Lines as text, and what was wrong with those of the record that is being read."""

    def __init__(self, file: BinaryIO) -> None:
        self.number = 0
        self.fault: Fault | None = None
        self._lines = split_lines(file)
        self._size = 0

    def begin(self) -> int:
        """A record begins. The number of its first line."""
        self.fault, self._size = None, 0
        return self.number + 1

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.number += 1
        if isinstance(raw, Fault):
            self.fault = raw
            return "\n"
        self._size += len(raw)
        if self._size > MAX_LINE:
            raise _EndlessError
        return self._text(raw.removeprefix(MARK) if self.number == 1 else raw)

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode()
        except UnicodeDecodeError as error:
            place = f"byte {error.start + 1} of line {self.number} is 0x{raw[error.start]:02x}"
            self.fault = Fault("not_utf8", "", f"the record is no UTF-8 text: {place}")
            return raw.decode(errors="replace")


def _records(feed: _Feed, delimiter: str) -> Iterator[_Record]:
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        number = feed.begin()
        cells = _next(reader)
        if cells is None:
            return
        # A blank line has no cells, and is passed over as by every reader of CSV.
        if found := feed.fault or cells:
            yield number, found


def _next(reader: Iterator[list[str]]) -> list[str] | Fault | None:
    with _limit:
        before = csv.field_size_limit(MAX_LINE)
        try:
            return next(reader, None)
        except _EndlessError:
            return TOO_LONG
        except csv.Error as error:
            return Fault("bad_csv", "", f"the record is no CSV: {clean(str(error))}")
        finally:
            csv.field_size_limit(before)


def _rows(header: _Record, records: Iterator[_Record]) -> Iterator[tuple[int, Line]]:
    number, names = header
    if not isinstance(names, Fault):
        names = _header_fault(names) or names
    if isinstance(names, Fault):
        # Without names there are no rows to speak of.
        yield number, names
        return
    for number, cells in records:
        yield number, cells if isinstance(cells, Fault) else _row(names, cells)


def _header_fault(names: list[str]) -> Fault | None:
    if "" in names:
        return Fault("bad_csv", "", f"column {names.index('') + 1} of the header has no name")
    doubled = [name for name in names if names.count(name) > 1]
    if doubled:
        return Fault("bad_csv", "", f"the header names {shown(doubled[0])} more than once")
    return None


def _row(names: list[str], cells: list[str]) -> Line:
    if len(cells) != len(names):
        text = f"the record has {len(cells)} cell(s), and the header names {len(names)}"
        return Fault("bad_csv", "", text)
    pairs = zip(names, cells, strict=True)
    return line_of({name: _value(name, cell) for name, cell in pairs if cell})


def _value(name: str, cell: str) -> object:
    flags = _FLAGS.get(name, {})
    if cell.lower() in flags:
        return flags[cell.lower()]
    return _read(cell) if cell[0] in "[{" else cell


def _read(cell: str) -> object:
    try:
        return _decode(cell)
    except (ValueError, RecursionError):
        return cell
