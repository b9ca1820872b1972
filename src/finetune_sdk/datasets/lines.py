"""Where the lines of a dataset come from: a regular file, or memory.

A file is read line by line, so that memory stays flat whatever its size, and nothing that could
make a reader wait for ever (a pipe, a device) is taken for one.
"""

from __future__ import annotations

import difflib
import errno
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol

from finetune_sdk.datasets.faults import Fault
from finetune_sdk.errors import DatasetError

MAX_LINE = 32 * 1024 * 1024
"""Bytes of the longest line that is read. A row at the longest context that hosted models train
with is below 1 MiB of text; the rest is room for embedded images."""

# Without O_NONBLOCK, opening a pipe waits until somebody writes to it. Windows has no such flag,
# and needs another one to leave line ends alone.
_FLAGS: int = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_SKIP = 1024 * 1024
_BLOCK = 64 * 1024
_SPACE = b" \t\r\n"
_LAST_SPACE = 32
_SIBLINGS = 2000
_WIDE = (b"\xff\xfe", b"\xfe\xff")

BLANK = Fault("blank_line", "", "the line is blank")
BLANK_AT_END = Fault("blank_line_at_end", "", "the line is blank")
BLANKS = (BLANK, BLANK_AT_END)
TOO_LONG = Fault("line_too_long", "", f"the line is longer than {MAX_LINE // 1024**2} MiB")
_NOT_TEXT = Fault("not_utf8", "", "the file is UTF-16 or UTF-32 text, or no text at all")

Line = bytes | Fault
"""The bytes of a line, or why there are none to read."""


class Lines(Protocol):
    """Numbered lines, from 1, that can be gone through again and again."""

    def __iter__(self) -> Iterator[tuple[int, Line]]: ...


@dataclass(frozen=True)
class MemoryLines:
    """Lines that are kept."""

    kept: tuple[Line, ...]

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        return iter(enumerate(self.kept, start=1))


@dataclass(frozen=True)
class Block:
    """Some whole lines of a text, as they follow each other.

    Attributes:
        start: number of the first line.
        data: their bytes, with the ends of the lines.
        fault: why the line after them cannot be read.
    """

    start: int
    data: bytes
    fault: Fault | None = None

    @cached_property
    def count(self) -> int:
        """How many lines there are in `data`."""
        whole = self.data.count(b"\n")
        return whole if not self.data or self.data.endswith(b"\n") else whole + 1

    def lines(self) -> Iterator[Line]:
        """The lines, and the fault."""
        yield from BytesIO(self.data)
        if self.fault is not None:
            yield self.fault


class TextLines(ABC):
    """Lines of a text, read anew each time."""

    @abstractmethod
    def open(self) -> AbstractContextManager[BinaryIO]:
        """Opens the text.

        Raises:
            DatasetError: it cannot be read.
        """

    def blocks(self) -> Iterator[Block]:
        """The text, in pieces of whole lines.

        Raises:
            DatasetError: it cannot be read.
        """
        with self.open() as file:
            yield from _blocks(file)

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        blanks = Blanks()
        number = 0
        for block in self.blocks():
            for number, line in enumerate(block.lines(), start=block.start):
                if is_blank(line):
                    blanks.note(number)
                else:
                    yield from blanks.between()
                    yield number, line
        yield from blanks.at_end()


@dataclass(frozen=True)
class FileLines(TextLines):
    """Lines of a file."""

    path: Path

    @contextmanager
    def open(self) -> Generator[BinaryIO]:
        with open_regular(self.path) as file:
            try:
                yield file
            except OSError as error:
                raise _unreadable(self.path, error) from error


class Blanks:
    """Blank lines, of which it is not known yet whether a row comes after them."""

    def __init__(self) -> None:
        # They follow each other: a row between them ends the waiting.
        self._first = self._count = 0

    def note(self, number: int) -> None:
        """A blank line."""
        self._first = self._first if self._count else number
        self._count += 1

    def between(self) -> Iterator[tuple[int, Fault]]:
        """A row has come: the blank lines stand between rows."""
        return self._told(BLANK)

    def at_end(self) -> Iterator[tuple[int, Fault]]:
        """There is nothing more."""
        return self._told(BLANK_AT_END)

    def _told(self, fault: Fault) -> Iterator[tuple[int, Fault]]:
        numbers = range(self._first, self._first + self._count)
        self._count = 0
        return ((number, fault) for number in numbers)


def is_blank(line: Line) -> bool:
    """The line has nothing on it."""
    return isinstance(line, bytes) and line[0] <= _LAST_SPACE and not line.strip(_SPACE)


def split_lines(file: BinaryIO) -> Iterator[Line]:
    """The lines of an open file, with their ends; one that is too long is a fault."""
    return (line for block in _blocks(file) for line in block.lines())


def _blocks(file: BinaryIO) -> Iterator[Block]:
    number, data = 1, file.read(_BLOCK)
    if data.startswith(_WIDE) or b"\0" in data[:4]:
        # Lines mean nothing in such a file: one finding, instead of one for each.
        yield Block(1, b"", _NOT_TEXT)
        return
    while data:
        block = _completed(number, data, file)
        yield block
        number += block.count + (block.fault is not None)
        data = file.read(_BLOCK)


def _completed(number: int, data: bytes, file: BinaryIO) -> Block:
    """The block that begins so, up to the end of its last line."""
    if data.endswith(b"\n"):
        return Block(number, data)
    begin = data.rfind(b"\n") + 1
    rest = file.readline(MAX_LINE + 1)
    ended = rest.endswith(b"\n")
    if len(data) - begin + len(rest) - ended <= MAX_LINE:
        return Block(number, data + rest)
    if not ended:
        _skip_line(file)
    return Block(number, data[:begin], TOO_LONG)


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(_SKIP)) and not rest.endswith(b"\n"):
        pass


def open_regular(path: Path) -> BinaryIO:
    """Opens a regular file, and nothing else, without ever waiting.

    Raises:
        DatasetError: there is no such file, it is none, or it may not be read.
    """
    try:
        handle = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(path) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode):
        os.close(handle)
        raise _irregular(path, "a folder" if stat.S_ISDIR(mode) else "a pipe or a device")
    return os.fdopen(handle, "rb")


def _irregular(path: Path, kind: str) -> DatasetError:
    return DatasetError(
        f"{str(path)!r} is {kind}, not a regular file; give the path of a file of rows"
    )


def _unreadable(path: Path, error: OSError | ValueError) -> DatasetError:
    if isinstance(error, OSError) and error.errno == errno.ENXIO:
        return _irregular(path, "a socket")
    if isinstance(error, PermissionError):
        return DatasetError(
            f"{str(path)!r} may not be read by this user; give it read permission, "
            f"as with `chmod u+r`, or have its owner do so"
        )
    reason = error.strerror if isinstance(error, OSError) else str(error)
    if "\0" in str(path):
        reason = "its name has a null character in it"  # Python's own words change
    return DatasetError(f"{str(path)!r} cannot be read: {reason}; check the path")


def _missing(path: Path) -> DatasetError:
    text = f"there is no file {str(path)!r}"
    if not path.parent.is_dir():
        return DatasetError(f"{text}: its folder does not exist; check the path")
    if near := difflib.get_close_matches(path.name, _siblings(path.parent)):
        return DatasetError(f"{text}; did you mean {' or '.join(map(repr, near))}?")
    return DatasetError(f"{text}; check the path and the working folder")


def _siblings(folder: Path) -> list[str]:
    try:
        return [entry.name for entry in islice(folder.iterdir(), _SIBLINGS)]
    except OSError:
        return []
