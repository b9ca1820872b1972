"""Where the lines of a dataset come from: a regular file, or memory.

A file is read line by line, so that memory stays flat whatever its size, and nothing that could
make a reader wait for ever (a pipe, a device) is taken for one.
"""

from __future__ import annotations

import difflib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
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
_SPACE = b" \t\r\n"
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
class FileLines:
    """Lines of a file, read anew each time."""

    path: Path

    def __iter__(self) -> Iterator[tuple[int, Line]]:
        """Raises:
        DatasetError: the file cannot be read.
        """
        blanks = number = 0
        for number, raw in enumerate(self._raw(), start=1):
            if isinstance(raw, bytes) and not raw.strip(_SPACE):
                blanks += 1
                continue
            yield from ((blank, BLANK) for blank in range(number - blanks, number))
            blanks = 0
            yield number, raw
        yield from ((blank, BLANK_AT_END) for blank in range(number - blanks + 1, number + 1))

    def _raw(self) -> Iterator[Line]:
        with open_regular(self.path) as file:
            try:
                yield from _split(file)
            except OSError as error:
                raise _unreadable(self.path, error) from error


def _split(file: BinaryIO) -> Iterator[Line]:
    raw = file.readline(MAX_LINE + 1)
    if raw.startswith(_WIDE) or b"\0" in raw[:4]:
        # Lines mean nothing in such a file: one finding, instead of one for each.
        yield _NOT_TEXT
        return
    while raw:
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            _skip_line(file)
            yield TOO_LONG
        else:
            yield raw
        raw = file.readline(MAX_LINE + 1)


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
        f"{str(path)!r} is {kind}, not a regular file; give the path of a .jsonl file"
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
