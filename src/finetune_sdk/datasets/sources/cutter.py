"""Cuts the values out of JSON text, chunk by chunk, without reading what is in them."""

from __future__ import annotations

import re
from collections.abc import Callable

from finetune_sdk.datasets.faults import Fault
from finetune_sdk.datasets.lines import MAX_LINE, TOO_LONG, Line
from finetune_sdk.datasets.read import examine

_SPACE = re.compile(rb"[ \t\r\n]*+")
_BARE = re.compile(rb'[^,{}\[\]"\n]*+')
# No line ends in a JSON string: one that meets such an end is broken.
_IN_STRING = re.compile(rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+')
_NO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+")*+')

# Spaces before a row; what is further in is no row of an ordinary file.
_DEEPEST = 100


class Cutter:
    """Walks through JSON text.

    A value that has no end is given as far as the next one that seems to begin: a line that is
    indented as its own first line, and opens an object. From then on no value goes beyond such a
    line: a file of broken rows is still gone through once.

    Attributes:
        line: the number of the line that is looked at, from 1.
        lost: a value had no end; what surrounds the next ones is not known any more.
    """

    def __init__(self, read: Callable[[int], bytes], chunk: int) -> None:
        self.line = 1
        self.lost = False
        self._read_from, self._chunk = read, chunk
        self._data = b""
        # What is taken next, how far it was looked at, and the end that it cannot go beyond.
        self._start = self._at = self._stop = 0
        # The space before what is taken next; None where its line holds something else.
        self._indent: bytes | None = b""
        self._long = False

    def begins_with(self, size: int) -> bytes:
        """The first bytes of the text, which stay where they are."""
        while len(self._data) < size and self._read():
            pass
        return self._data[:size]

    def peek(self) -> bytes:
        """The next byte that is no space; none at the end."""
        while True:
            self._pass_space()
            if self._at < len(self._data):
                return self._data[self._at : self._at + 1]
            if not self._read():
                return b""

    def skip(self, size: int = 1) -> None:
        """Passes over bytes that are no part of a value, and no space."""
        self._at += size
        self._start = self._at
        self._indent = None

    def value(self) -> Line:
        """Takes the value that begins here."""
        self._bound(self._at)
        return _on_one_line(self._take()) if self._ends() else _told(self._broken())

    def _pass_space(self) -> None:
        end = _end(_SPACE, self._data, self._at, len(self._data))
        space = self._data[self._at : end]
        if lines := space.count(b"\n"):
            self.line += lines
            self._indent = space[space.rfind(b"\n") + 1 :]
        elif self._indent is not None:
            self._indent += space
        if self._indent is not None and len(self._indent) > _DEEPEST:
            self._indent = None
        self._start = self._at = end

    def _ends(self) -> bool:
        first = self._data[self._at : self._at + 1]
        if first == b'"':
            return self._string()
        return self._brackets() if first in b"{[" else self._bare()

    def _string(self) -> bool:
        self._at += 1
        while True:
            self._at = _end(_IN_STRING, self._data, self._at, self._stop)
            rest = self._data[self._at : min(self._at + 2, self._stop)]
            if rest.startswith(b'"'):
                self._at += 1
                return True
            # A lone backslash at the end of the chunk may well be the half of an escape.
            if rest not in (b"", b"\\") or not self._more():
                return False

    def _brackets(self) -> bool:
        depth = 0
        while True:
            self._at = _end(_NO_BRACKET, self._data, self._at, self._stop)
            if self._at == self._stop:
                if not self._more():
                    return False
                continue
            byte = self._data[self._at]
            if byte == _QUOTE:
                if not self._string():
                    return False
                continue
            self._at += 1
            depth += 1 if byte in b"{[" else -1
            if depth == 0:
                return True

    def _bare(self) -> bool:
        self._at = _end(_BARE, self._data, self._at, self._stop)
        while self._at == self._stop and self._more():
            self._at = _end(_BARE, self._data, self._at, self._stop)
        return True

    def _more(self) -> bool:
        """Reads on within a value, unless it has come to where another one begins."""
        if self._stop < len(self._data) or (self._full() and self._next(self._start) >= 0):
            return False
        read = self._read()
        self._bound(self._at - len(self._mark()))
        return read

    def _read(self) -> bool:
        if self._full():
            self._drop()
        raw = self._read_from(self._chunk)
        self._data = self._data[self._start :] + raw
        self._at -= self._start
        self._start = 0
        return bool(raw)

    def _full(self) -> bool:
        return self._at - self._start > MAX_LINE

    def _drop(self) -> None:
        self._long = True
        self.line += self._data.count(b"\n", self._start, self._at)
        self._start = self._at

    def _take(self) -> Line:
        taken = self._data[self._start : self._at]
        self.line += taken.count(b"\n")
        too_long = self._long or len(taken) > MAX_LINE
        self._start, self._indent, self._long = self._at, None, False
        return TOO_LONG if too_long else taken

    def _broken(self) -> Line:
        self.lost = True
        found = self._next(self._start)
        while found < 0:
            self._at = max(self._start, len(self._data) - len(self._mark()))
            if not self._read():
                break
            found = self._next(self._at)
        self._at = found if found >= 0 else len(self._data)
        return self._take()

    def _mark(self) -> bytes:
        return b"" if self._indent is None else b"\n" + self._indent + b"{"

    def _next(self, since: int) -> int:
        mark = self._mark()
        return self._data.find(mark, since) if mark else -1

    def _bound(self, since: int) -> None:
        found = self._next(max(since, self._start)) if self.lost else -1
        self._stop = found if found >= 0 else len(self._data)
        # The space of that line may have been looked at before the rest of it was read.
        self._at = min(self._at, self._stop)


_QUOTE = ord('"')


def _on_one_line(value: Line) -> Line:
    # A line that ends within a value is space between two of its tokens.
    return value if isinstance(value, Fault) else value.replace(b"\n", b" ")


def _told(broken: Line) -> Fault:
    """What is wrong with a value that has no end."""
    return broken if isinstance(broken, Fault) else examine(0, broken).faults[0]


def _end(pattern: re.Pattern[bytes], data: bytes, start: int, stop: int) -> int:
    """The end of what matches at `start`; all patterns here match nothing at the least."""
    match = pattern.match(data, start, stop)
    return match.end() if match else start
