"""Forms with files in them, read as they come: a part may be larger than the memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Any


class BrokenFormError(Exception):
    """The body ends before the form does, or it is no form."""


class Blob:
    """Bytes of a file: how many, how many lines, their digest; the bytes only where kept."""

    def __init__(self, content: bytes = b"", *, keep: bool = True) -> None:
        self.size = 0
        self._pieces: list[bytes] | None = [] if keep else None
        self._digest: Any = hashlib.sha256()
        self._newlines = 0
        self._open = False
        self.write(content)

    def write(self, piece: bytes) -> None:
        if not piece:
            return
        self.size += len(piece)
        self._digest.update(piece)
        self._newlines += piece.count(b"\n")
        self._open = not piece.endswith(b"\n")
        if self._pieces is not None:
            self._pieces.append(piece)

    def extend(self, other: Blob) -> None:
        """Appends another one; without its bytes, the digest is that of both digests."""
        if other.kept:
            self.write(other.content)
            return
        self.size += other.size
        self._digest.update(bytes.fromhex(other.sha256))
        self._newlines += other.lines - other._open
        self._open = other._open

    @property
    def kept(self) -> bool:
        return self._pieces is not None

    @property
    def content(self) -> bytes:
        return b"".join(self._pieces or ())

    @property
    def sha256(self) -> str:
        return str(self._digest.hexdigest())

    @property
    def lines(self) -> int:
        """Lines, with the last one that nothing ends."""
        return self._newlines + self._open


class Part:
    """One field of a form."""

    def __init__(self, head: bytes, blob: Blob) -> None:
        text = head.decode(errors="replace")
        self.name = _said(text, "name") or ""
        self.filename = _said(text, "filename")
        self.blob = blob

    @property
    def text(self) -> str:
        return self.blob.content.decode(errors="replace")


def read_form(kind: str, chunks: Iterable[bytes], *, keep: bool) -> dict[str, Part]:
    """The fields of a form by name; files keep their bytes only if told to."""
    found = re.search(r'boundary="?([^";,]+)"?', kind)
    if found is None:
        raise BrokenFormError("no boundary")
    reader = _Reader(chunks)
    mark = b"\r\n--" + found[1].encode()
    reader.skip(mark)
    parts: dict[str, Part] = {}
    while reader.take(2) != b"--":
        part = _read_part(reader, mark, keep)
        parts[part.name] = part
    return parts


def _read_part(reader: _Reader, mark: bytes, keep: bool) -> Part:
    head = b"".join(reader.until(b"\r\n\r\n"))
    part = Part(head, Blob(keep=keep or b"filename=" not in head))
    for piece in reader.until(mark):
        part.blob.write(piece)
    return part


class _Reader:
    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = b"\r\n"  # The first boundary is a line, too.

    def until(self, mark: bytes) -> Iterator[bytes]:
        """What comes before the mark, which is swallowed."""
        while (at := self._held.find(mark)) < 0:
            # The end of it may be the beginning of the mark.
            sure = len(self._held) - len(mark) + 1
            if sure > 0:
                yield self._held[:sure]
                self._held = self._held[sure:]
            self._more()
        if at:
            yield self._held[:at]
        self._held = self._held[at + len(mark) :]

    def skip(self, mark: bytes) -> None:
        for _ in self.until(mark):
            pass

    def take(self, count: int) -> bytes:
        while len(self._held) < count:
            self._more()
        taken, self._held = self._held[:count], self._held[count:]
        return taken

    def _more(self) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise BrokenFormError("the form has no end")
        self._held += chunk


def _said(head: str, name: str) -> str | None:
    found = re.search(rf'[;\s]{name}="([^"]*)"', head)
    return found[1].replace("%22", '"') if found else None
