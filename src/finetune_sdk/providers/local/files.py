"""Writing that is whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast


def write_atomic(path: Path, text: str, *, mode: int = 0o600) -> None:
    """Replaces `path` with `text`: a reader sees the old file or the new one, after a crash too."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync(path.parent)


def write_json(path: Path, value: object) -> None:
    """Replaces `path` with `value` as JSON, atomically."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, allow_nan=False))


def read_json(path: Path) -> dict[str, object] | None:
    """The JSON object in `path`; None where there is no file.

    Raises:
        ValueError: the file holds something else.
    """
    try:
        value: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no JSON object")  # noqa: TRY004 - it is the content
    return cast("dict[str, object]", value)


def append_line(path: Path, line: str) -> None:
    """Adds one line by one write, so that lines of two writers never mix.

    Raises:
        OSError: the disk is full; what was written of the line spoils no other.
    """
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        data = line.encode() + b"\n"
        if _is_torn(handle):
            data = b"\n" + data
        # A disk that is nearly full takes a part, and says why only when it is given the rest.
        while data:
            data = data[os.write(handle, data) :]
    finally:
        os.close(handle)


def _is_torn(handle: int) -> bool:
    size = os.fstat(handle).st_size
    return size > 0 and os.pread(handle, 1, size - 1) != b"\n"


def read_lines(path: Path) -> Iterator[str]:
    """The whole lines of a file that grows; a last line without its end is still being written."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                if line.endswith("\n"):
                    yield line[:-1]
    except FileNotFoundError:
        return


def sync(path: Path) -> None:
    """Makes sure that a file's content, or the names in a folder, outlive a crash."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
