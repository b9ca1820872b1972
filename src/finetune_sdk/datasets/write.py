"""A JSONL file that is whole or not there at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from finetune_sdk.errors import ConfigurationError, DatasetError


def write_lines(path: Path, lines: Iterable[bytes], *, overwrite: bool) -> None:
    """Writes `lines` to `path` at one stroke: nobody ever sees half of them.

    Raises:
        ConfigurationError: there is something already, and `overwrite` is False.
        DatasetError: it cannot be written.
    """
    # Looked at first too: to refuse before the work is done.
    if not overwrite and os.path.lexists(path):
        raise _taken(path)
    try:
        _write(_replaceable(path), lines, overwrite=overwrite)
    except FileExistsError as error:
        raise _taken(path) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise DatasetError(
            f"{str(path)!r} cannot be written: {reason}; check the folder and its free space"
        ) from error


def _write(path: Path, lines: Iterable[bytes], *, overwrite: bool) -> None:
    part = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        _fill(part, lines)
        _publish(part, path, overwrite=overwrite)
        _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _replaceable(path: Path) -> Path:
    """The file that `path` leads to, so that a link stays a link, and a device stays a device."""
    target = Path(os.path.realpath(path))
    if os.path.lexists(target) and not target.is_file():
        raise DatasetError(
            f"{str(path)!r} cannot be written: it is no regular file; give the path of a file"
        )
    return target


def _taken(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"`path` {str(path)!r} is there already; give another one, or `overwrite=True`"
    )


def _fill(part: Path, lines: Iterable[bytes]) -> None:
    # Not by tempfile, which would make the file private whatever the user's umask says.
    with part.open("xb") as file:
        file.writelines(line + b"\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())


def _publish(part: Path, path: Path, *, overwrite: bool) -> None:
    if not overwrite:
        try:
            path.hardlink_to(part)
            return
        except FileExistsError:
            raise
        except OSError:
            # A file system without hard links, as memory cards and mounted drives have.
            if os.path.lexists(path):
                raise
    part.replace(path)


def _sync_folder(folder: Path) -> None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        # Windows opens no folders, and one may write to a folder that one may not list.
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
