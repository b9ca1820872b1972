"""What the operating system refuses, in the words of our errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from finetune_sdk.errors import (
    ConfigurationError,
    FineTuneError,
    PermissionDeniedError,
    QuotaExceededError,
    ServerError,
)
from finetune_sdk.providers.local.home import LocalHome
from finetune_sdk.providers.local.settings import NAME

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# Less than this and not even a log can be written for long.
_ROOM = 2**18
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextmanager
def translated(home: LocalHome) -> Generator[None]:
    """Turns what reading and writing the state folder raises into one of our errors.

    Raises:
        ConfigurationError: the state folder is none.
        QuotaExceededError: the disk is full.
        PermissionDeniedError: this user may not read or write there.
        ServerError: anything else that the system says.
    """
    try:
        yield
    except OSError as error:
        # Some of ours are OSErrors as well, as a timeout is.
        if isinstance(error, FineTuneError):
            raise
        raise _translate(error, home) from error


@contextmanager
def copied(folder: Path) -> Generator[None]:
    """Turns what writing to a folder of the caller's raises into one of our errors.

    Raises:
        QuotaExceededError: the disk is full.
        PermissionDeniedError: this user may not write there.
        ServerError: anything else that the system says.
    """
    try:
        yield
    except OSError as error:
        raise _not_copied(error, folder) from error


@contextmanager
def passing(folder: Path) -> Generator[None]:
    """Turns what writing to the folder for temporary files raises into one of our errors.

    Raises:
        QuotaExceededError: its disk is full.
        ServerError: anything else that the system says.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, FineTuneError):
            raise
        words = (
            f"the temporary folder {str(folder)!r} takes no copy of the rows: "
            f"{error.strerror or error}; name another one with TMPDIR"
        )
        if error.errno in _FULL:
            raise QuotaExceededError(words, provider=NAME, code="disk_full") from error
        raise ServerError(words, provider=NAME) from error


def _not_copied(error: OSError, folder: Path) -> FineTuneError:
    reason = error.strerror or str(error)
    message = f"`folder` {str(folder)!r} cannot be filled: {reason}; nothing of it is left there"
    if error.errno in _FULL:
        words = f"{message}; free some space, or name a folder on another disk"
        return QuotaExceededError(words, provider=NAME, code="disk_full")
    if error.errno in _FORBIDDEN:
        return PermissionDeniedError(f"{message}; name a folder of your own", provider=NAME)
    return ServerError(f"{message}; try again, or name another folder", provider=NAME)


def is_full(folder: Path) -> bool:
    """There is no room on the folder's disk for anything worth writing, or for one more file."""
    disk = os.statvfs(folder)
    # Some file systems make room for files as they go, and count none.
    no_files_left = disk.f_files > 0 and disk.f_favail == 0
    return no_files_left or disk.f_bavail * disk.f_frsize < _ROOM


def disk_full(home: LocalHome, detail: str = "") -> QuotaExceededError:
    """The error of a disk that is full, or as good as."""
    more = f" ({detail})" if detail else ""
    return QuotaExceededError(
        f"the disk of the state folder {str(home.root)!r} is full{more}; free some space, or name "
        "a folder on another disk with FINETUNE_HOME or `home=`",
        provider=NAME,
        code="disk_full",
    )


def _translate(error: OSError, home: LocalHome) -> FineTuneError:
    if error.errno in _FULL:
        return disk_full(home)
    reason = error.strerror or str(error)
    place = f" {error.filename!r}" if error.filename else ""
    if isinstance(error, NotADirectoryError):
        return ConfigurationError(
            f"the state folder {str(home.root)!r} cannot be used: {reason}{place}; name another "
            "one with FINETUNE_HOME or `home=`"
        )
    if error.errno in _FORBIDDEN:
        return PermissionDeniedError(
            f"this user may not use{place} in the state folder {str(home.root)!r}: {reason}; give "
            "it the rights, or name another folder with FINETUNE_HOME or `home=`",
            provider=NAME,
        )
    return ServerError(
        f"the state folder {str(home.root)!r} failed{place}: {reason}; try again, or name another "
        "folder with FINETUNE_HOME or `home=`",
        provider=NAME,
    )
