"""A mended copy of a dataset: what can be mended without a guess, and a list of what was done.

Lines that nothing can be done for are copied as they are: the check goes on telling of them.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from io import TextIOWrapper
from typing import cast

from finetune_sdk.datasets.dataset import Dataset, absolute
from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.lines import BLANKS, Line, TextLines, is_blank
from finetune_sdk.datasets.preference import OPENAI, TRL
from finetune_sdk.datasets.read import MARK, Row, encode, examine, fingerprint
from finetune_sdk.datasets.tools import listed
from finetune_sdk.datasets.write import write_lines
from finetune_sdk.errors import DatasetError
from finetune_sdk.types.dataset import Mend, MendReport

_SHOWN = 1000
_TALKS = ("messages", "prompt", "completion", *TRL[1:], *OPENAI[1:])
"""The keys of a row that may hold messages; `input` has some, too."""

# The longer marks first: one of them begins with another.
_WIDE = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def mend(dataset: Dataset, path: str | os.PathLike[str], *, overwrite: bool = False) -> MendReport:
    """Writes a mended copy as JSON lines, whole or not at all.

    Mended are: byte order marks, blank lines, text in UTF-16 or UTF-32, rows that repeat an
    earlier one, and the arguments of tool calls that are objects and not texts.

    Args:
        dataset: what `load` gave.
        path: the file to write; its folder has to be there.
        overwrite: replace what is there already.

    Raises:
        ConfigurationError: there is something already, and `overwrite` is False.
        DatasetError: a line cannot be copied, or the file cannot be written.
    """
    bench = _Bench(dataset)
    target = absolute(path)
    write_lines(target, bench.lines(), overwrite=overwrite)
    return MendReport(
        file=dataset.place,
        target=str(target),
        rows_in=bench.read,
        rows_out=bench.written,
        mends=tuple(bench.mends[:_SHOWN]),
        count=len(bench.mends),
    )


class _Bench:
    def __init__(self, dataset: Dataset) -> None:
        self.mends: list[Mend] = []
        self.read = self.written = 0
        self._dataset = dataset
        self._seen: dict[bytes, int] = {}

    def lines(self) -> Iterator[bytes]:
        for number, raw in self._raw():
            line = self._bare(number, raw)
            if not line or line in BLANKS or is_blank(line):
                self._note(number, "blank_line", "the blank line was left out")
                continue
            self.read += 1
            mended = self._mended(number, line)
            if mended is not None:
                self.written += 1
                yield mended

    def _raw(self) -> Iterator[tuple[int, Line]]:
        encoding = _wide(self._dataset)
        if encoding is None:
            yield from self._dataset.raw
            return
        self._note(0, "not_utf8", f"the text was {encoding.upper()} and is UTF-8 now")
        yield from _transcoded(self._dataset, encoding)

    def _bare(self, number: int, line: Line) -> Line:
        """The line without its end and without byte order marks."""
        if isinstance(line, Fault):
            return line
        line = line.rstrip(b"\r\n")
        while line.startswith(MARK):
            self._note(number, "byte_order_mark", "the byte order mark was taken off")
            line = line[len(MARK) :]
        return line

    def _mended(self, number: int, line: Line) -> bytes | None:
        if isinstance(line, Fault):
            raise DatasetError(
                f"{line.finding(self._dataset.place, number)} Nothing was written: this line "
                "cannot be copied"
            )
        record = examine(number, line)
        if record.row is None or record.faults:
            return line
        changed = _texts_of_arguments(record.row)
        if changed:
            words = f"the arguments of {changed} call(s) were written as text"
            self._note(number, "bad_tool_arguments", words)
        mark = fingerprint(record.row)
        if mark in self._seen:
            words = f"the row stands in line {self._seen[mark]} already and was left out"
            self._note(number, "duplicate_row", words)
            return None
        self._seen[mark] = number
        return encode(record.row) if changed else line

    def _note(self, line: int, code: str, message: str) -> None:
        self.mends.append(Mend(line=line, code=code, message=message))


def _texts_of_arguments(row: Row) -> int:
    """Writes arguments that are objects as texts, in place; how many there were."""
    changed = 0
    for message in _messages(row):
        calls = cast("Row", message).get("tool_calls") if isinstance(message, dict) else None
        for call in listed(calls):
            function = cast("Row", call).get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                continue
            holder = cast("Row", function)
            if isinstance(holder.get("arguments"), dict):
                holder["arguments"] = encode(cast("Row", holder["arguments"])).decode()
                changed += 1
    return changed


def _messages(row: Row) -> Iterator[object]:
    """All messages of a row, whatever its format."""
    asked = row.get("input")
    for holder in (row, cast("Row", asked) if isinstance(asked, dict) else {}):
        for key in _TALKS:
            yield from listed(holder.get(key))


def _wide(dataset: Dataset) -> str | None:
    if not isinstance(dataset.raw, TextLines):
        return None
    with dataset.raw.open() as file:
        head = file.read(4)
    return next((name for mark, name in _WIDE if head.startswith(mark)), None)


def _transcoded(dataset: Dataset, encoding: str) -> Iterator[tuple[int, Line]]:
    lines = cast("TextLines", dataset.raw)
    with lines.open() as file:
        try:
            text = TextIOWrapper(file, encoding=encoding, newline="\n")
            for number, line in enumerate(text, start=1):
                yield number, line.encode()
        except UnicodeError as error:
            raise DatasetError(
                f"{dataset.place} begins as {encoding.upper()} and cannot be read so: {error}"
            ) from error
