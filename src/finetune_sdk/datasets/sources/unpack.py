"""The content of a file, as it is or unpacked, in memory that does not grow with it."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol, cast

from finetune_sdk.datasets.faults import Fault, clean
from finetune_sdk.datasets.lines import open_regular, split_lines
from finetune_sdk.datasets.sources.extra import extra
from finetune_sdk.errors import DatasetError

if TYPE_CHECKING:
    from typing_extensions import Buffer

CHUNK = 256 * 1024
"""Bytes that are read at once."""

_SUFFIXES: Mapping[str, str] = MappingProxyType({".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"})
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# A frame to be passed over, as parallel packers write first: 0x50 to 0x5f and these.
_ZSTD_SKIPPED = b"\x2a\x4d\x18"


class _Readable(Protocol):
    def read1(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


class _Opened(NamedTuple):
    """A file's content, and the errors that say that it cannot be unpacked."""

    content: _Readable
    errors: tuple[type[Exception], ...]


@contextmanager
def unpacked(path: Path) -> Generator[io.BufferedReader]:
    """Opens what a file holds.

    Raises:
        DatasetError: it is no regular file, may not be read, or is not packed as its name says.
            Reading raises it where the file is damaged or cut off.
        MissingDependencyError: the package that unpacks it is not installed.
    """
    with open_regular(path) as file:
        opened = _OPENERS[_packing(path, file)](file)
        try:
            yield io.BufferedReader(_Content(path, opened), CHUNK)
        finally:
            opened.content.close()


def is_packed(path: Path) -> bool:
    """The file holds something that is to be unpacked. Nothing but its beginning is read.

    Raises:
        DatasetError: as `unpacked`.
        MissingDependencyError: as `unpacked`.
    """
    with open_regular(path) as file:
        packing = _packing(path, file)
        # Opened, so that a package that is not installed is told here too.
        _OPENERS[packing](file).content.close()
    return packing is not None


def plain_name(path: Path) -> str:
    """The file's name in small letters, without the suffix that says how it is packed."""
    name = path.name.lower()
    return name.removesuffix(path.suffix.lower()) if _named(path) else name


def head_fault(head: bytes) -> Fault | None:
    """Why a file that begins so holds no text that can be read."""
    first = next(split_lines(io.BytesIO(head)), b"")
    return first if isinstance(first, Fault) else None


def _named(path: Path) -> str | None:
    return _SUFFIXES.get(path.suffix.lower())


def _packing(path: Path, file: BinaryIO) -> str | None:
    head = _head(path, file)
    packing, named = _begun(head), _named(path)
    if named and not packing:
        raise DatasetError(
            f"{str(path)!r} is called {path.suffix} and does not begin as a {named} file does; "
            "copy it anew, or name it as what it is"
        )
    return packing


def _head(path: Path, file: BinaryIO) -> bytes:
    try:
        head = file.read(4)
        file.seek(0)
    except OSError as error:
        raise DatasetError(
            f"{str(path)!r} cannot be read: {error.strerror}; check the path"
        ) from error
    return head


def _begun(head: bytes) -> str | None:
    if head.startswith(_GZIP):
        return "gzip"
    if head == _ZSTD or (head[1:] == _ZSTD_SKIPPED and head[0] >> 4 == 5):
        return "zstd"
    return None


def _plain(file: BinaryIO) -> _Opened:
    return _Opened(cast("_Readable", file), (OSError,))


def _gzip(file: BinaryIO) -> _Opened:
    return _Opened(gzip.GzipFile(fileobj=file, mode="rb"), (OSError, EOFError, zlib.error))


def _zstd(file: BinaryIO) -> _Opened:
    zstd = _zstd_module()
    return _Opened(zstd.ZstdFile(file), (OSError, EOFError, zstd.ZstdError))


def _zstd_module() -> ModuleType:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    return extra(name, "backports.zstd")


_OPENERS: Mapping[str | None, Callable[[BinaryIO], _Opened]] = MappingProxyType(
    {None: _plain, "gzip": _gzip, "zstd": _zstd}
)


class _Content(io.RawIOBase):
    """What is unpacked, with the place where that fails."""

    def __init__(self, path: Path, opened: _Opened) -> None:
        self._path = path
        self._content, self._errors = opened
        self._lines = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        room = memoryview(buffer)
        try:
            # Never `read`, which loses what was unpacked just before the fault.
            raw = self._content.read1(len(room))
        except self._errors as error:
            raise DatasetError(
                f"{str(self._path)!r} is damaged or cut off: it can be read as far as line "
                f"{self._lines + 1} of what it holds ({clean(str(error))}); copy it anew"
            ) from error
        room[: len(raw)] = raw
        self._lines += raw.count(b"\n")
        return len(raw)
